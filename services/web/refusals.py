"""A refusal shown in the form that was refused: each sentence under the field it speaks of."""

from collections.abc import Mapping

import flask
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from services.foundation import errors
from services.web import problems


def place(form: FlaskForm, error: errors.DaydreamError, *, otherwise: str, by_reason: Mapping[str, str]) -> None:
    """Put a refusal's sentences under the fields it names.

    One that names none of the form's goes under the field of `by_reason`, or else under the one called `otherwise`.
    """
    known = {field.name: field for field in form}
    placed = False
    for violation in error.fields:
        if violation.field in known:
            known[violation.field].errors = [*known[violation.field].errors, violation.description]
            placed = True
    if not placed:
        under = known[by_reason.get(error.detail_reason, otherwise)]
        under.errors = [*under.errors, error.message]


def answer(page: str, error: errors.DaydreamError) -> Response:
    """The page with the refusal's status, and with the word when to come back where there is one."""
    problem = problems.of_error(error)
    response = flask.make_response(page, problem.status)
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(problem.retry_after)
    return response
