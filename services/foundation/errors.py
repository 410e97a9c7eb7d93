"""The root of every refusal a service gives on purpose; knows nothing of gRPC or HTTP.

    DaydreamError
    ├── InvalidInput          the request itself is wrong; says which fields
    ├── RequestIdReused       same request_id, other content
    ├── NotAuthenticated      nobody we know
    ├── NotAllowed            known, but may not
    ├── NotFound              missing, or somebody else's, which must look the same
    ├── AlreadyExists         taken
    ├── NotPossibleNow        the state forbids it (too few tokens, already settled)
    ├── TooMuch               a bound is reached; says when to try again
    ├── Unavailable           a part that is needed does not answer
    └── Unexpected            our fault

A service's own `errors.py` draws its errors below these. The class docstring is the message a person reads; `reason` is
the word programs switch on. The transport maps each direct child of the root to one of its own codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, kw_only=True)
class FieldViolation:
    """One wrong field of a request."""

    field: str
    """Its name as the API spells it, e.g. `steps`."""
    description: str
    """What is wrong and what would be right, one sentence."""


class DaydreamError(Exception):
    """Something went wrong."""

    reason: ClassVar[str] = "UNEXPECTED"

    def __init__(
        self,
        message: str | None = None,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        fields: tuple[FieldViolation, ...] = (),
        retry_after: float | None = None,
        cause_detail: str = "",
    ) -> None:
        """Keep what a client may need.

        `message` replaces the docstring; `reason` the class's own (for errors read off the wire); `metadata` goes into
        ErrorInfo; `retry_after` is in seconds; `cause_detail` is for logs and never leaves the process.
        """
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.detail_reason = reason or type(self).reason
        self.metadata = dict(metadata or {})
        self.fields = fields
        self.retry_after = retry_after
        self.cause_detail = cause_detail
        super().__init__(self.message)


class InvalidInput(DaydreamError):
    """The request is not valid."""

    reason = "INVALID_INPUT"

    @classmethod
    def of(cls, *fields: FieldViolation) -> "InvalidInput":
        """Say which fields are wrong; the message is their sentences."""
        return cls(" ".join(violation.description for violation in fields), fields=fields)


class RequestIdReused(InvalidInput):
    """This request_id was used before with other content."""

    reason = "REQUEST_ID_REUSED"


class NotAuthenticated(DaydreamError):
    """Sign in first."""

    reason = "NOT_AUTHENTICATED"


class NotAllowed(DaydreamError):
    """You may not do this."""

    reason = "NOT_ALLOWED"


class NotFound(DaydreamError):
    """There is no such thing."""

    reason = "NOT_FOUND"


class AlreadyExists(DaydreamError):
    """It exists already."""

    reason = "ALREADY_EXISTS"


class NotPossibleNow(DaydreamError):
    """This is not possible as things stand."""

    reason = "NOT_POSSIBLE_NOW"


class TooMuch(DaydreamError):
    """Too much at once; try again in a moment."""

    reason = "TOO_MUCH"


class Unavailable(DaydreamError):
    """A part of the system does not answer; try again in a moment."""

    reason = "UNAVAILABLE"


class Unexpected(DaydreamError):
    """Something went wrong on our side."""

    reason = "UNEXPECTED"
