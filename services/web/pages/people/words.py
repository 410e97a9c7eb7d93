"""What auth tells of people, codes and deeds, in the words of the pages for staff."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, Final

from daydream.auth.v1 import audit_pb2, auth_pb2, codes_pb2

from services.web.pages.account import entries

NEW: Final = dt.timedelta(days=7)
"""So long an account is called new."""
_DEEDS: Final = {
    audit_pb2.DEED_KIND_TOKENS_GRANTED: "Tokens",
    audit_pb2.DEED_KIND_USER_SUSPENDED: "Suspended",
    audit_pb2.DEED_KIND_USER_RESTORED: "Restored",
    audit_pb2.DEED_KIND_USER_DELETED: "Deleted",
    audit_pb2.DEED_KIND_USER_CHANGED: "Profile changed",
    audit_pb2.DEED_KIND_RESET_LINK_CREATED: "Reset link made",
    audit_pb2.DEED_KIND_CODE_ISSUED: "Code issued",
    audit_pb2.DEED_KIND_CODE_WITHDRAWN: "Code withdrawn",
}
# As auth writes a grant down.
_GRANT: Final = re.compile(r"([+-]\d+) tokens: (.*)", re.DOTALL)


def person(user: auth_pb2.User, now: dt.datetime) -> dict[str, Any]:
    """An account as lists and its own page show it."""
    created = user.created_time.ToDatetime(dt.UTC)
    return {
        "id": user.user_id,
        "email": user.email,
        "name": " ".join(part for part in (user.first_name, user.last_name) if part) or user.username,
        "staff": user.role == auth_pb2.ROLE_STAFF,
        "suspended": not user.active,
        "new": now - created < NEW,
        "tokens": user.tokens,
        "created": created,
        "seen": _seen(user, now),
    }


def _seen(user: auth_pb2.User, now: dt.datetime) -> str:
    if user.HasField("last_seen_time"):
        return ago(user.last_seen_time.ToDatetime(dt.UTC), now)
    # auth forgets a session when it ends; that there was one it remembers.
    return "signed out" if user.latest_session_id else "never"


def ago(moment: dt.datetime, now: dt.datetime) -> str:
    """How long a moment is past, in one figure: now, 4 min ago, 2 h ago, 3 days ago, or its date after a month."""
    seconds = (now - moment).total_seconds()
    if seconds < 90:
        return "now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86_400:
        return f"{int(seconds // 3600)} h ago"
    days = int(seconds // 86_400)
    if days <= 30:
        return "1 day ago" if days == 1 else f"{days} days ago"
    return f"{moment:%Y-%m-%d}"


def entry(value: auth_pb2.Entry) -> dict[str, Any]:
    """A line of somebody's ledger."""
    return {
        "words": entries.words(value),
        "about": value.reason,
        "when": value.created_time.ToDatetime(dt.UTC),
        "amount": value.amount,
        "balance": value.balance_after,
    }


def deed(value: audit_pb2.Deed, names: Mapping[str, str]) -> dict[str, Any]:
    """A line of the log of what staff did; a grant with its amount and reason apart."""
    grant = _GRANT.fullmatch(value.detail) if value.kind == audit_pb2.DEED_KIND_TOKENS_GRANTED else None
    return {
        "words": _DEEDS.get(value.kind, "Deed"),
        "about": grant[2] if grant else value.detail,
        "amount": int(grant[1]) if grant else 0,
        "when": value.created_time.ToDatetime(dt.UTC),
        "by": names.get(value.staff_id, value.staff_id) or "the command line",
        "whom": names.get(value.user_id, ""),
        "whom_id": value.user_id,
    }


def code(value: codes_pb2.Code, names: Mapping[str, str], now: dt.datetime) -> dict[str, Any]:
    """A code as staff see it after it was made."""
    ends = value.expire_time.ToDatetime(dt.UTC) if value.HasField("expire_time") else None
    return {
        "id": value.code_id,
        "prefix": value.prefix,
        "invitation": value.kind == codes_pb2.CODE_KIND_INVITATION,
        "tokens": value.tokens,
        "reason": value.reason,
        "uses": value.redemptions,
        "most": value.max_redemptions,
        "by": names.get(value.created_by, value.created_by) or "the command line",
        "when": value.created_time.ToDatetime(dt.UTC),
        "ends": ends,
        "state": _code_state(value, ends, now),
    }


def _code_state(value: codes_pb2.Code, ends: dt.datetime | None, now: dt.datetime) -> str:
    if value.HasField("withdrawn_time"):
        return "withdrawn"
    if value.redemptions >= value.max_redemptions:
        return "used up"
    if ends is not None and ends <= now:
        return "expired"
    return "good"
