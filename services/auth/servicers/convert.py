"""Values → messages, and the few messages → values that are more than a name."""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from daydream.auth.v1 import audit_pb2, auth_pb2, codes_pb2
from google.protobuf import timestamp_pb2

from services.auth import values
from services.auth.values import CodeKind, DeedKind, Direction, EntryKind, SignUpMode
from services.foundation import errors
from services.foundation.identity import Role

SIGN_UP_MODES: Final = {
    SignUpMode.OPEN: auth_pb2.SIGN_UP_MODE_OPEN,
    SignUpMode.CODE: auth_pb2.SIGN_UP_MODE_CODE,
    SignUpMode.CLOSED: auth_pb2.SIGN_UP_MODE_CLOSED,
}
_ROLES: Final = {Role.USER: auth_pb2.ROLE_USER, Role.STAFF: auth_pb2.ROLE_STAFF}
_KINDS: Final = {
    EntryKind.SIGN_UP: auth_pb2.ENTRY_KIND_SIGN_UP,
    EntryKind.HOLD: auth_pb2.ENTRY_KIND_HOLD,
    EntryKind.RETURN: auth_pb2.ENTRY_KIND_RETURN,
    EntryKind.GRANT: auth_pb2.ENTRY_KIND_GRANT,
    EntryKind.CODE: auth_pb2.ENTRY_KIND_CODE,
}
_DIRECTIONS: Final = {
    Direction.ADDED: auth_pb2.ENTRY_DIRECTION_ADDED,
    Direction.SPENT: auth_pb2.ENTRY_DIRECTION_SPENT,
}
_CODE_KINDS: Final = {
    CodeKind.TOKENS: codes_pb2.CODE_KIND_TOKENS,
    CodeKind.INVITATION: codes_pb2.CODE_KIND_INVITATION,
}


_DEED_KINDS: Final = {
    DeedKind.TOKENS_GRANTED: audit_pb2.DEED_KIND_TOKENS_GRANTED,
    DeedKind.USER_SUSPENDED: audit_pb2.DEED_KIND_USER_SUSPENDED,
    DeedKind.USER_RESTORED: audit_pb2.DEED_KIND_USER_RESTORED,
    DeedKind.USER_DELETED: audit_pb2.DEED_KIND_USER_DELETED,
    DeedKind.USER_CHANGED: audit_pb2.DEED_KIND_USER_CHANGED,
    DeedKind.RESET_LINK_CREATED: audit_pb2.DEED_KIND_RESET_LINK_CREATED,
    DeedKind.CODE_ISSUED: audit_pb2.DEED_KIND_CODE_ISSUED,
    DeedKind.CODE_WITHDRAWN: audit_pb2.DEED_KIND_CODE_WITHDRAWN,
}


def timestamp(time: dt.datetime) -> timestamp_pb2.Timestamp:
    """A time."""
    message = timestamp_pb2.Timestamp()
    message.FromDatetime(time)
    return message


def time_or_none(time: dt.datetime | None) -> timestamp_pb2.Timestamp | None:
    """A time, if there is one."""
    return None if time is None else timestamp(time)


def to_time(field: str, message: timestamp_pb2.Timestamp) -> dt.datetime:
    """A time that a caller says. Raises InvalidInput for one that no calendar has."""
    try:
        return message.ToDatetime(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise errors.InvalidInput.of(
            errors.FieldViolation(field=field, description="This is not a time of the years 1 to 9999.")
        ) from error


def user(value: values.User) -> auth_pb2.User:
    """An account."""
    return auth_pb2.User(
        user_id=value.user_id,
        email=value.email,
        username=value.username,
        first_name=value.first_name,
        last_name=value.last_name,
        mobile=value.mobile,
        role=_ROLES[value.role],
        active=value.active,
        subscription=value.subscription,
        tokens=value.tokens,
        created_time=timestamp(value.created_time),
        latest_session_id=value.latest_session_id,
        last_seen_time=time_or_none(value.last_seen_time),
    )


def session(value: values.Session) -> auth_pb2.Session:
    """A session."""
    return auth_pb2.Session(
        session_id=value.session_id,
        created_time=timestamp(value.created_time),
        last_seen_time=timestamp(value.last_seen_time),
        expire_time=timestamp(value.expire_time),
        user_agent=value.user_agent,
    )


def identity_token(value: values.IdentityToken) -> auth_pb2.IdentityToken:
    """An identity token."""
    return auth_pb2.IdentityToken(token=value.token, expire_time=timestamp(value.expire_time))


def opened(value: values.Opened) -> auth_pb2.OpenedSession:
    """A session with its secret."""
    return auth_pb2.OpenedSession(
        session=session(value.session),
        session_secret=value.secret,
        user=user(value.user),
        identity_token=identity_token(value.identity_token),
    )


def api_key(value: values.ApiKey) -> auth_pb2.ApiKey:
    """An API key without its secret."""
    return auth_pb2.ApiKey(
        api_key_id=value.api_key_id,
        name=value.name,
        scopes=sorted(scope.value for scope in value.scopes),
        prefix=value.prefix,
        created_time=timestamp(value.created_time),
        last_used_time=time_or_none(value.last_used_time),
    )


def entry(value: values.Entry) -> auth_pb2.Entry:
    """A line of the ledger."""
    return auth_pb2.Entry(
        entry_id=value.entry_id,
        kind=_KINDS[value.kind],
        amount=value.amount,
        balance_after=value.balance_after,
        task_id=value.task_id,
        reason=value.reason,
        created_time=timestamp(value.created_time),
    )


def to_code_kind(kind: int) -> CodeKind | None:
    """What a code is to be for; None for a number that says nothing here."""
    return next((value for value, number in _CODE_KINDS.items() if int(number) == kind), None)


def to_direction(number: int) -> Direction | None:
    """Which lines of a ledger a caller asks for; None for all. Raises InvalidInput for a number that is none."""
    if number == auth_pb2.ENTRY_DIRECTION_UNSPECIFIED:
        return None
    for value, known in _DIRECTIONS.items():
        if int(known) == number:
            return value
    raise errors.InvalidInput.of(errors.FieldViolation(field="direction", description="There is no such direction."))


def to_deed_kinds(kinds: Iterable[int]) -> tuple[DeedKind, ...]:
    """The kinds of deed that a caller asks for. Raises InvalidInput for a number that is none: it must not mean all."""
    known = {int(number): value for value, number in _DEED_KINDS.items()}
    try:
        return tuple(known[kind] for kind in kinds)
    except KeyError as error:
        raise errors.InvalidInput.of(
            errors.FieldViolation(field="kinds", description="There is no such kind of deed.")
        ) from error


def code(value: values.Code) -> codes_pb2.Code:
    """A code without its text."""
    return codes_pb2.Code(
        code_id=value.code_id,
        kind=_CODE_KINDS[value.kind],
        prefix=value.prefix,
        tokens=value.tokens,
        reason=value.reason,
        max_redemptions=value.max_redemptions,
        redemptions=value.redemptions,
        created_by=value.created_by,
        created_time=timestamp(value.created_time),
        expire_time=time_or_none(value.expire_time),
        withdrawn_time=time_or_none(value.withdrawn_time),
    )


def deed(value: values.Deed) -> audit_pb2.Deed:
    """What somebody of the staff did."""
    return audit_pb2.Deed(
        deed_id=value.deed_id,
        kind=_DEED_KINDS[value.kind],
        staff_id=value.staff_id,
        user_id=value.user_id,
        code_id=value.code_id,
        detail=value.detail,
        created_time=timestamp(value.created_time),
    )
