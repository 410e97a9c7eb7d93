"""DaydreamError ↔ google.rpc.Status, the one place where either becomes the other."""

from collections.abc import Sequence
from typing import Final

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from services.foundation import errors

DOMAIN: Final = "daydream"
DETAILS_KEY: Final = "grpc-status-details-bin"

# Order matters when an error is mapped to a code: the first class that it is an instance of wins.
_CODES: Final[Sequence[tuple[type[errors.DaydreamError], grpc.StatusCode]]] = (
    (errors.InvalidInput, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.NotAuthenticated, grpc.StatusCode.UNAUTHENTICATED),
    (errors.NotAllowed, grpc.StatusCode.PERMISSION_DENIED),
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (errors.NotPossibleNow, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.TooMuch, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.Unavailable, grpc.StatusCode.UNAVAILABLE),
    (errors.Unexpected, grpc.StatusCode.INTERNAL),
)
# What a peer or gRPC itself answers with a code of no class above.
_FOREIGN: Final = {
    grpc.StatusCode.DEADLINE_EXCEEDED: (errors.Unavailable, "DEADLINE_EXCEEDED", "It took too long; try again."),
    grpc.StatusCode.CANCELLED: (errors.Unavailable, "CANCELLED", "The call was cancelled."),
    grpc.StatusCode.ABORTED: (errors.Unavailable, "ABORTED", "It was interrupted; try again."),
    grpc.StatusCode.OUT_OF_RANGE: (errors.InvalidInput, "OUT_OF_RANGE", "A value is out of range."),
}


def code_of(error: errors.DaydreamError) -> grpc.StatusCode:
    """The status code an error travels under."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), grpc.StatusCode.INTERNAL)


def to_status(error: errors.DaydreamError) -> status_pb2.Status:
    """Pack an error with its ErrorInfo and, where it has them, BadRequest and RetryInfo."""
    status = status_pb2.Status(code=code_of(error).value[0], message=error.message)
    details: list[any_pb2.Any] = [any_pb2.Any()]
    details[0].Pack(
        error_details_pb2.ErrorInfo(reason=error.detail_reason, domain=DOMAIN, metadata=error.metadata),
    )
    if error.fields:
        bad = error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=each.field, description=each.description)
                for each in error.fields
            ],
        )
        details.append(any_pb2.Any())
        details[-1].Pack(bad)
    if error.retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(error.retry_after * 1000))
        details.append(any_pb2.Any())
        details[-1].Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status.details.extend(details)
    return status


def from_status(status: status_pb2.Status) -> errors.DaydreamError:
    """Unpack what `to_status` packed; details that are not ours are passed over."""
    code = next((each for each in grpc.StatusCode if each.value[0] == status.code), grpc.StatusCode.UNKNOWN)
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    retry_after: float | None = None
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
        if detail.Unpack(retry):
            retry_after = retry.retry_delay.ToMilliseconds() / 1000
    if not info.reason:
        return _foreign(code, status.message)
    return _kind_of(code)(
        status.message or None,
        reason=info.reason,
        metadata=dict(info.metadata),
        fields=tuple(
            errors.FieldViolation(field=each.field, description=each.description) for each in bad.field_violations
        ),
        retry_after=retry_after,
    )


def from_rpc_error(error: grpc.RpcError) -> errors.DaydreamError:
    """Read the error a call ended with."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return errors.Unexpected(cause_detail=repr(error))
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return from_status(status_pb2.Status.FromString(value))
    return _foreign(error.code(), error.details() or "")


def _foreign(code: grpc.StatusCode, detail: str) -> errors.DaydreamError:
    if code in _FOREIGN:
        kind, reason, message = _FOREIGN[code]
        return kind(message, reason=reason, cause_detail=detail)
    # gRPC's own words ("failed to connect to … 10.0.0.5:8011") are for logs, not for people, nor for the next caller.
    return _kind_of(code)(cause_detail=detail)


def _kind_of(code: grpc.StatusCode) -> type[errors.DaydreamError]:
    return next((kind for kind, each in _CODES if each is code), errors.Unexpected)
