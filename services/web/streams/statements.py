"""`GET /account/tokens.csv`: the whole token ledger as a file, read from auth page by page while it is sent."""

import contextlib
import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Sequence
from typing import Final

from daydream.auth.v1 import auth_pb2
from starlette.requests import Request
from starlette.responses import Response

from services.web import present
from services.web.backends.purse import Purse
from services.web.pages.account import entries
from services.web.streams import files

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_HEAD: Final = ("When (UTC)", "What", "About", "Task", "Tokens", "Balance")
# What a spreadsheet reads as the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Statement:
    """The ledger of the one who asks."""

    def __init__(self, purse: Purse, resolve: files.Resolve) -> None:
        """`resolve` says whose."""
        self._purse, self._resolve = purse, resolve

    async def answer(self, request: Request) -> Response:
        """Answer with the file. Raises SignInFirst, Unavailable."""
        visitor = await self._resolve(request)
        pages = self._purse.every_entry(visitor)
        # The first page is read before anything is sent, so that a refusal is still told as one.
        first = await anext(pages)
        headers = {
            "Content-Disposition": f'attachment; filename="daydream-tokens-{dt.datetime.now(dt.UTC):%Y-%m-%d}.csv"'
        }
        if request.method == "HEAD":
            return Response(headers=headers, media_type=MEDIA_TYPE)
        return files.Streamed(_lines(first, pages), contextlib.AsyncExitStack(), media_type=MEDIA_TYPE, headers=headers)


async def _lines(first: Sequence[auth_pb2.Entry], pages: AsyncIterator[list[auth_pb2.Entry]]) -> AsyncIterator[bytes]:
    yield _written([_HEAD])
    yield _written([_row(each) for each in first])
    async for page in pages:
        yield _written([_row(each) for each in page])


def _row(entry: auth_pb2.Entry) -> tuple[str | int, ...]:
    texts = (present.time(entry.created_time), entries.words(entry), entry.reason, entry.task_id)
    return (*(_harmless(each) for each in texts), entry.amount, entry.balance_after)


def _harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula; numbers stay numbers."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _written(rows: Sequence[Sequence[str | int]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue().encode()
