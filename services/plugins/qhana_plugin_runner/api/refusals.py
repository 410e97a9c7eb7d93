"""How the host's own API says no: flask-smorest's error body, typed as what it is."""

from http import HTTPStatus
from typing import Any, NoReturn

from flask_smorest import abort


def refuse(status: HTTPStatus, **said: Any) -> NoReturn:
    """End the request with this status; `message` and `errors` go into the body."""
    abort(status, **said)
    raise AssertionError("abort returned")
