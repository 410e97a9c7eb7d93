"""Deeds of staff as plain sentences: who did what to whom."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from daydream.auth.v1 import audit_pb2
from daydream.tasks.v1 import admin_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.web import merging

_COMMAND_LINE: Final = "Somebody at the command line"
_GONE: Final = "Somebody whose account is gone"


@dataclass(frozen=True, kw_only=True)
class Words:
    """How a kind of deed is said."""

    verb: str
    """Stands between who did it and whom it was done to."""
    after: str = ""
    """Stands behind both."""
    symbol: str
    """An icon."""
    alone: str = ""
    """In place of the verb, where it was done to nobody in particular."""


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """A deed that is yet to get its names."""

    staff_id: str
    """Who did it; may be empty."""
    nobody: str
    """Who did it where no id says so."""
    user_id: str
    """Whom it was done to; may be empty."""
    words: Words
    """What was done."""
    detail: str
    """The reason, or what was changed."""
    gallery_id: str = ""
    """The picture it was done to."""
    when: dt.datetime
    """When."""


_AUTH: Final[Mapping[int, Words]] = {
    audit_pb2.DEED_KIND_TOKENS_GRANTED: Words(verb="gave tokens to", symbol="coin"),
    audit_pb2.DEED_KIND_USER_SUSPENDED: Words(verb="suspended", symbol="ban"),
    audit_pb2.DEED_KIND_USER_RESTORED: Words(verb="let", after="in again", symbol="check"),
    audit_pb2.DEED_KIND_USER_DELETED: Words(verb="deleted", symbol="trash"),
    audit_pb2.DEED_KIND_USER_CHANGED: Words(verb="changed the profile of", symbol="user"),
    audit_pb2.DEED_KIND_RESET_LINK_CREATED: Words(verb="made a link for a new password for", symbol="key"),
    audit_pb2.DEED_KIND_CODE_ISSUED: Words(verb="issued a code for", alone="issued a code", symbol="plus"),
    audit_pb2.DEED_KIND_CODE_WITHDRAWN: Words(verb="withdrew a code of", alone="withdrew a code", symbol="undo"),
}
_TAKEN: Final = Words(verb="took tokens from", symbol="coin")
_TASKS: Final[Mapping[int, Words]] = {
    admin_pb2.TASK_DEED_KIND_TASK_CANCELLED: Words(
        verb="cancelled a task of", alone="cancelled a task of somebody whose account is gone", symbol="close"
    ),
    admin_pb2.TASK_DEED_KIND_PICTURE_HIDDEN: Words(
        verb="hid a picture of", after="in the gallery", alone="hid a picture in the gallery", symbol="gallery"
    ),
    admin_pb2.TASK_DEED_KIND_PICTURE_RESTORED: Words(
        verb="showed a picture of", after="in the gallery again", alone="showed a picture in the gallery again",
        symbol="gallery",
    ),
}  # fmt: skip
_UNKNOWN: Final = Words(verb="did something to", alone="did something", symbol="log")


def of_auth(deed: audit_pb2.Deed) -> merging.Line:
    """A line of auth's log."""
    words = _AUTH.get(deed.kind, _UNKNOWN)
    # auth writes the amount first, with its sign.
    if deed.kind == audit_pb2.DEED_KIND_TOKENS_GRANTED and deed.detail.startswith("-"):
        words = _TAKEN
    said = Sentence(
        staff_id=deed.staff_id,
        nobody=_COMMAND_LINE,
        user_id=deed.user_id,
        words=words,
        detail=deed.detail,
        when=deed.created_time.ToDatetime(dt.UTC),
    )
    return _line(f"auth {deed.deed_id}", deed.created_time, said)


def of_tasks(deed: admin_pb2.TaskDeed) -> merging.Line:
    """A line of the log of tasks."""
    said = Sentence(
        staff_id=deed.staff_id,
        nobody=_GONE,
        user_id=deed.user_id,
        words=_TASKS.get(deed.kind, _UNKNOWN),
        detail=deed.detail,
        gallery_id=deed.gallery_id,
        when=deed.created_time.ToDatetime(dt.UTC),
    )
    return _line(f"tasks {deed.deed_id}", deed.created_time, said)


def _line(line_id: str, time: Timestamp, said: Sentence) -> merging.Line:
    return merging.Line(line_id=line_id, at=time.ToNanoseconds(), said=said)


def shown(sentence: Sentence, names: Mapping[str, str]) -> dict[str, Any]:
    """The sentence with the names of those who still have an account."""
    words = sentence.words
    return {
        "staff": _person(sentence.staff_id, names, sentence.nobody),
        "verb": words.verb if sentence.user_id or not words.alone else words.alone,
        "whom": _person(sentence.user_id, names, "") if sentence.user_id else None,
        "after": words.after if sentence.user_id else "",
        "symbol": words.symbol,
        "detail": sentence.detail,
        "gallery_id": sentence.gallery_id,
        "when": sentence.when,
    }


def _person(user_id: str, names: Mapping[str, str], nobody: str) -> dict[str, str]:
    return {"id": user_id, "name": names.get(user_id, ""), "nobody": nobody}
