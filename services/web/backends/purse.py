"""A person's own token ledger, as auth keeps it: its lines, what a month has cost, codes."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import Final, Literal

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc, codes_pb2, codes_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

Part = Literal["all", "added", "spent"]
_DIRECTIONS: Final[dict[Part, auth_pb2.EntryDirection.ValueType]] = {
    "all": auth_pb2.ENTRY_DIRECTION_UNSPECIFIED,
    "added": auth_pb2.ENTRY_DIRECTION_ADDED,
    "spent": auth_pb2.ENTRY_DIRECTION_SPENT,
}
_LARGEST_PAGE: Final = 100


class Purse:
    """Calls auth in the visitor's name."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._purse = auth_pb2_grpc.PurseServiceStub(channel)
        self._codes = codes_pb2_grpc.CodeServiceStub(channel)

    async def entries(
        self, visitor: Visitor, *, part: Part = "all", page_token: str = "", page_size: int
    ) -> auth_pb2.ListEntriesResponse:
        """A page of the ledger or of a part of it, newest first. Raises InvalidInput for a token that is none."""
        request = auth_pb2.ListEntriesRequest(page_size=page_size, page_token=page_token, direction=_DIRECTIONS[part])
        with client.translated():
            return await self._purse.ListEntries(request, metadata=client.bearer(visitor.identity))

    async def every_entry(self, visitor: Visitor) -> AsyncIterator[list[auth_pb2.Entry]]:
        """The whole ledger, newest first, a page at a time."""
        token = ""
        while True:
            page = await self.entries(visitor, page_token=token, page_size=_LARGEST_PAGE)
            yield list(page.entries)
            token = page.next_page_token
            if not token:
                return

    async def spending(self, visitor: Visitor, since: dt.datetime) -> auth_pb2.GetSpendingResponse:
        """What tasks submitted since then have cost, and how many hold tokens now."""
        stamp = Timestamp()
        stamp.FromDatetime(since)
        request = auth_pb2.GetSpendingRequest(since=stamp)
        with client.translated():
            return await self._purse.GetSpending(request, metadata=client.bearer(visitor.identity))

    async def redeem(self, visitor: Visitor, text: str) -> auth_pb2.Entry:
        """Add a code's tokens. Raises NotFound CODE_NOT_VALID, AlreadyExists CODE_REDEEMED, InvalidInput."""
        request = codes_pb2.RedeemCodeRequest(text=text)
        with client.translated():
            return (await self._codes.RedeemCode(request, metadata=client.bearer(visitor.identity))).entry
