"""Forms that are posted to routes beside Flask: believed with the token that Flask's own forms carry, and only so."""

import io
from typing import Any, Final

import flask
from a2wsgi.wsgi import build_environ
from flask_wtf.csrf import CSRFError, CSRFProtect
from starlette.exceptions import HTTPException
from starlette.requests import Request
from werkzeug.exceptions import RequestEntityTooLarge

from services.foundation import errors

_TELLING: Final = frozenset({b"host", b"cookie", b"referer", b"x-csrftoken"})


class OutOfDate(errors.InvalidInput):
    """This page was open for too long or belongs to another sign-in. Go back, reload it and try again."""

    reason = "FORM_OUT_OF_DATE"


async def posted(app: flask.Flask, request: Request) -> dict[str, str]:
    """The fields of a form (the first value of each), its token checked exactly as `app` checks those of its views.

    Raises OutOfDate, and HTTPException 413 for more fields than a form has. The body is read as a whole: it must be
    bounded, as the Shield bounds it.
    """
    # The two type systems spell one protocol differently.
    scope: Any = request.scope
    body: Any = io.BytesIO(await request.body())
    with app.request_context(dict(build_environ(scope, body))):
        try:
            _protection(app).protect()
            return flask.request.form.to_dict()
        except CSRFError as error:
            raise OutOfDate from error
        except RequestEntityTooLarge as error:
            raise HTTPException(413) from error


def check_script(app: flask.Flask, request: Request) -> None:
    """Believe what a script of ours sends by the token in its X-CSRFToken header; the body is left unread.

    Raises OutOfDate.
    """
    # Nothing but the cookie and the header decides: a body of any length and form may follow.
    scope: Any = {**request.scope, "headers": [each for each in request.scope["headers"] if each[0] in _TELLING]}
    body: Any = io.BytesIO()
    with app.request_context(dict(build_environ(scope, body))):
        try:
            _protection(app).protect()
        except CSRFError as error:
            raise OutOfDate from error


def _protection(app: flask.Flask) -> CSRFProtect:
    protection: CSRFProtect = app.extensions["csrf"]
    return protection
