"""What plugins learn of the caller: the answer to `require_jwt`, and who asks, in the host's own words."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from flask import Flask
from qhana_plugin_runner import identity
from qhana_plugin_runner.api.jwt_helper import IDENTITY_EXTENSION
from qhana_plugin_runner.api.refusals import refuse

from services.foundation.identity import Caller
from services.plugins.identity import callers

StartResponse = Callable[..., Any]


def install(flask: Flask) -> None:
    """Let blueprints ask."""
    flask.extensions[IDENTITY_EXTENSION] = check


def check(*, optional: bool, fresh: bool, refresh: bool) -> None:
    """Abort with 401 when nobody, or not the right one, is signed in."""
    if optional:
        return
    caller = callers.current()
    if caller is None:
        refuse(HTTPStatus.UNAUTHORIZED, message="Sign in first.")
    if refresh:
        refuse(HTTPStatus.UNAUTHORIZED, message="This host gives out no refresh tokens.")
    if fresh and not caller.session_id:
        # How long ago the password was typed no token says; a session is what comes closest.
        refuse(HTTPStatus.UNAUTHORIZED, message="This needs somebody who signed in with a browser.")


def telling(flask: Flask) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    """The host as a WSGI app that is told who asks, as the gate found out."""

    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        caller: Caller | None = environ["asgi.scope"].get(callers.ENVIRON)
        environ[callers.ENVIRON] = caller
        environ[identity.ENVIRON] = as_asker(caller)
        return flask(environ, start_response)

    return app


def as_asker(caller: Caller | None) -> identity.Asker | None:
    """The same, as the plugin host's package knows people."""
    return None if caller is None else identity.Asker(owner=caller.subject, staff=caller.is_staff)
