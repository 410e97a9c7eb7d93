"""Errors as people and programs see them: one table from kinds of error to HTTP, one form (RFC 9457) for programs.

Both halves of the gateway, Flask's pages and the routes beside it, answer with what stands here.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from services.foundation import errors

MEDIA_TYPE: Final = "application/problem+json"

# Order matters: the first class an error is an instance of wins.
_STATUS: Final[Sequence[tuple[type[errors.DaydreamError], HTTPStatus]]] = (
    (errors.InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (errors.NotAuthenticated, HTTPStatus.UNAUTHORIZED),
    (errors.NotAllowed, HTTPStatus.FORBIDDEN),
    (errors.NotFound, HTTPStatus.NOT_FOUND),
    (errors.AlreadyExists, HTTPStatus.CONFLICT),
    (errors.NotPossibleNow, HTTPStatus.CONFLICT),
    (errors.TooMuch, HTTPStatus.TOO_MANY_REQUESTS),
    (errors.Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (errors.Unexpected, HTTPStatus.INTERNAL_SERVER_ERROR),
)
# A client library repeats a 409 by itself; a purse does not fill by asking again.
_STATUS_BY_REASON: Final = {
    "NOT_ENOUGH_TOKENS": HTTPStatus.PAYMENT_REQUIRED,
    "FORM_OUT_OF_DATE": HTTPStatus.BAD_REQUEST,
}
# Refused until somebody makes room: without a moment of its own it is not worth asking again.
_FULL: Final = frozenset({"TOO_MANY_IMPORTS"})

# What the services behind us call otherwise than the API does.
_NAMES: Final = {
    "page_token": "cursor",
    "page_size": "limit",
    "request_id": "Idempotency-Key",
    "mask_upload_id": "mask",
}

_WORDS: Final = {
    400: ("BAD_REQUEST", "The request could not be read."),
    403: ("NOT_ALLOWED", "You may not open this."),
    404: ("NOT_FOUND", "There is nothing here."),
    405: ("METHOD_NOT_ALLOWED", "This address does not answer to that method."),
    408: ("TOO_SLOW", "The request took too long to arrive."),
    413: ("TOO_LARGE", "What was sent is too large."),
    415: ("NOT_JSON", "Send JSON, with Content-Type: application/json."),
    429: ("TOO_MUCH", "Too many requests; try again in a moment."),
    503: ("UNAVAILABLE", "A part of the system does not answer; try again in a moment."),
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong, ready to be told."""

    status: int
    """HTTP status."""
    reason: str
    """The word programs switch on."""
    detail: str
    """One or two sentences for people."""
    fields: tuple[errors.FieldViolation, ...] = ()
    """Which fields of the request are wrong."""
    retry_after: int | None = None
    """Whole seconds after which asking again makes sense."""
    metadata: Mapping[str, str] | None = None
    """Figures that belong to the reason, for example price and balance."""
    allow: tuple[str, ...] = ()
    """Methods that the address does answer to, where the one asked for is not among them."""

    @property
    def title(self) -> str:
        """The status in words."""
        return HTTPStatus(self.status).phrase

    def to_json(self) -> dict[str, Any]:
        """The body of an application/problem+json answer."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "reason": self.reason,
            "detail": self.detail,
        }
        if self.fields:
            body["fields"] = [{"field": each.field, "detail": each.description} for each in self.fields]
        if self.metadata:
            body["metadata"] = dict(self.metadata)
        return body

    @property
    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer."""
        headers = {}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="daydream"'
        if self.allow:
            headers["Allow"] = ", ".join(sorted(self.allow))
        return headers


def of_error(error: errors.DaydreamError) -> Problem:
    """The problem that a refusal of ours is."""
    status = _STATUS_BY_REASON.get(error.detail_reason) or next(
        (each for kind, each in _STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR
    )
    retry_after = None if error.retry_after is None else max(1, math.ceil(error.retry_after))
    passes = status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    if retry_after is None and passes and error.detail_reason not in _FULL:
        retry_after = 5
    # gRPC's own words are kept under "detail" for logs; they are no business of a browser's.
    metadata = {key: value for key, value in error.metadata.items() if key != "detail"}
    return Problem(
        status=status,
        reason=error.detail_reason,
        detail=_detail(error),
        fields=tuple(_as_asked(each) for each in error.fields),
        retry_after=retry_after,
        metadata=metadata or None,
    )


def _detail(error: errors.DaydreamError) -> str:
    sentence = error.message
    for violation in error.fields:
        sentence = sentence.replace(violation.description, _as_asked(violation).description)
    return sentence


def _as_asked(violation: errors.FieldViolation) -> errors.FieldViolation:
    """The same with the name that a field has over HTTP."""
    ours = _NAMES.get(violation.field)
    if ours is None:
        return violation
    return errors.FieldViolation(field=ours, description=violation.description.replace(violation.field, ours))


def of_status(
    status: int, detail: str | None = None, *, retry_after: int | None = None, allow: Collection[str] = ()
) -> Problem:
    """The problem that a bare HTTP status is."""
    reason, words = _WORDS.get(status, ("UNEXPECTED", "Something went wrong on our side."))
    if status not in _WORDS and status < 500:
        reason, words = HTTPStatus(status).name, HTTPStatus(status).phrase
    if retry_after is None and status in {429, 503}:
        retry_after = 5
    return Problem(status=status, reason=reason, detail=detail or words, retry_after=retry_after, allow=tuple(allow))


def wants_page(path: str, accept: str) -> bool:
    """Whether the one who asks is a browser that shows pages, rather than a program or a script of a page."""
    return not path.startswith("/api/") and "text/html" in accept
