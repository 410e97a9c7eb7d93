"""PurseService over gRPC."""

from typing import Any

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.auth.purse import Purse
from services.auth.servicers import convert
from services.foundation.identity import caller

Context = grpc.aio.ServicerContext[Any, Any]


class PurseServicer(auth_pb2_grpc.PurseServiceServicer):
    """Tokens."""

    def __init__(self, purse: Purse) -> None:
        """What answers the calls."""
        self._purse = purse

    async def GetBalance(self, request: auth_pb2.GetBalanceRequest, context: Context) -> auth_pb2.GetBalanceResponse:
        """Read a balance."""
        balance = await self._purse.balance(caller(), request.user_id)
        return auth_pb2.GetBalanceResponse(tokens=balance.tokens, held=balance.held)

    async def ListEntries(self, request: auth_pb2.ListEntriesRequest, context: Context) -> auth_pb2.ListEntriesResponse:
        """List a ledger."""
        page = await self._purse.entries(
            caller(),
            request.user_id,
            page_size=request.page_size,
            page_token=request.page_token,
            direction=convert.to_direction(request.direction),
        )
        return auth_pb2.ListEntriesResponse(
            entries=[convert.entry(each) for each in page.items], next_page_token=page.next_page_token
        )

    async def GetSpending(self, request: auth_pb2.GetSpendingRequest, context: Context) -> auth_pb2.GetSpendingResponse:
        """Say what tasks have cost."""
        since = convert.to_time("since", request.since) if request.HasField("since") else None
        spending = await self._purse.spending(caller(), request.user_id, since)
        return auth_pb2.GetSpendingResponse(charged=spending.charged, open_holds=spending.open_holds)

    async def HoldTokens(self, request: auth_pb2.HoldTokensRequest, context: Context) -> auth_pb2.HoldTokensResponse:
        """Take tokens aside."""
        tokens = await self._purse.hold(
            hold_id=request.hold_id, user_id=request.user_id, tokens=request.tokens, reason=request.reason
        )
        return auth_pb2.HoldTokensResponse(tokens=tokens)

    async def SettleHold(self, request: auth_pb2.SettleHoldRequest, context: Context) -> auth_pb2.SettleHoldResponse:
        """End a hold."""
        returned = await self._purse.settle(
            hold_id=request.hold_id, user_id=request.user_id, charge=request.charge, reason=request.reason
        )
        return auth_pb2.SettleHoldResponse(returned=returned)

    async def GrantTokens(self, request: auth_pb2.GrantTokensRequest, context: Context) -> auth_pb2.GrantTokensResponse:
        """Give or take tokens."""
        entry = await self._purse.grant(
            caller(),
            request_id=request.request_id,
            user_id=request.user_id,
            amount=request.amount,
            reason=request.reason,
        )
        return auth_pb2.GrantTokensResponse(entry=convert.entry(entry))
