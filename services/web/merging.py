"""Several logs as one, newest first, a page at a time; knows nothing of what stands in them.

Each log is paged by tokens of its own. A cursor of the whole says of each log which page of it was read last and how
far, by the id of the last line that was shown: so lines that were added since move nothing.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.foundation import errors

AT_ONCE: Final = 100
"""Lines read of a log at once: more than a page shows, so that one answer does as a rule."""
MOST_SOUGHT: Final = 500
"""So far down a log the line is looked for that was shown last, as others may have been added above it."""
_MOST_CURSOR: Final = 4096


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a log, as far as merging is concerned."""

    line_id: str
    """Tells it from every other; a line that stands in two of the logs is shown once."""
    at: int
    """When, in nanoseconds since 1970."""
    said: object = None
    """What it says."""


Read = Callable[[str], Awaitable[tuple[Sequence[Line], str]]]
"""A page token, empty for the first → the page's lines, newest first, and the next one's token, empty on the last."""


class BadCursor(errors.InvalidInput):
    """The address of this page of the log is not one that an earlier page gave."""

    reason = "BAD_CURSOR"


@dataclass(kw_only=True)
class _Log:
    """One of the logs, read as far as is needed."""

    read: Read
    """How."""
    page: str
    """The page whose lines were shown last."""
    last: str
    """The line that was; empty when none of that page was."""
    ended: bool
    """All of it was shown."""
    lines: list[tuple[str, Line]] = field(default_factory=list)
    """What was read and not shown, each with its page."""
    following: str | None = ""
    """The page to read next; None when there is none."""

    async def fill(self, wanted: int) -> None:
        if self.ended:
            return
        self.following, sought = self.page, self.last
        while self.following is not None and (sought or len(self.lines) < wanted):
            token = self.following
            lines, more = await self.read(token)
            self.lines.extend((token, each) for each in lines)
            self.following = more or None
            ids = [each.line_id for _, each in self.lines]
            if sought in ids:
                del self.lines[: ids.index(sought) + 1]
                sought = ""
            elif len(ids) >= MOST_SOUGHT:
                # So many came since, or it is gone: better twice than never.
                sought = ""

    def take(self) -> Line:
        self.page, line = self.lines.pop(0)
        self.last = line.line_id
        return line

    @property
    def over(self) -> bool:
        return self.ended or (not self.lines and self.following is None)


async def page(logs: Sequence[Read], cursor: str, size: int) -> tuple[Sequence[Line], str]:
    """The next `size` lines of all of them, and the cursor of what follows, empty at the end. Raises BadCursor."""
    merged = _opened(logs, cursor)
    # One more than is shown: whether anything follows is then known.
    await asyncio.gather(*(each.fill(size + 1) for each in merged))
    shown: list[Line] = []
    while len(shown) < size and any(each.lines for each in merged):
        first = max((each.lines[0][1] for each in merged if each.lines), key=lambda line: (line.at, line.line_id))
        for each in merged:
            if each.lines and each.lines[0][1].line_id == first.line_id:
                each.take()
        shown.append(first)
    return shown, "" if all(each.over for each in merged) else _cursor(merged)


def _opened(logs: Sequence[Read], cursor: str) -> list[_Log]:
    if not cursor:
        return [_Log(read=read, page="", last="", ended=False) for read in logs]
    try:
        marks = json.loads(base64.urlsafe_b64decode(cursor.encode())) if len(cursor) <= _MOST_CURSOR else None
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadCursor from error
    if not (isinstance(marks, list) and len(marks) == len(logs) and all(_is_mark(each) for each in marks)):
        raise BadCursor
    return [
        _Log(read=read, page="", last="", ended=True)
        if mark is None
        else _Log(read=read, page=mark[0], last=mark[1], ended=False)
        for read, mark in zip(logs, marks, strict=True)
    ]


def _is_mark(mark: object) -> bool:
    return mark is None or (
        isinstance(mark, list)
        and len(mark) == len(("page", "line"))
        and all(isinstance(each, str) and each.isascii() for each in mark)
    )


def _cursor(logs: Sequence[_Log]) -> str:
    marks = [None if each.over else [each.page, each.last] for each in logs]
    return base64.urlsafe_b64encode(json.dumps(marks, separators=(",", ":")).encode()).decode()
