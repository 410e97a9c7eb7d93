"""Who makes the request that is being answered."""

from typing import Final

import flask

from services.foundation.identity import Caller

ENVIRON: Final = "daydream.caller"
"""The key of the WSGI environment, and of the ASGI scope, that the gate puts the caller under."""


def current() -> Caller | None:
    """The caller of the current Flask request; None where the host runs alone.

    `token` is the identity token to have a delegation made with. It is empty where a plugin's Celery task calls the
    host: such a call stands for its person without anything that another service believes.
    """
    caller: Caller | None = flask.request.environ.get(ENVIRON)
    return caller
