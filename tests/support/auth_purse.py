"""Calls of the purse as the ledger service and staff make them."""

import asyncio
from typing import Any

from daydream.auth.v1 import auth_pb2

from tests.support.auth import Person, RunningAuth


def hold(
    auth: RunningAuth, person: Person, hold_id: str = "task-1", tokens: int = 10, reason: str = "a picture"
) -> Any:
    """Ask for a hold as the ledger service does."""
    request = auth_pb2.HoldTokensRequest(hold_id=hold_id, user_id=person.user_id, tokens=tokens, reason=reason)
    return auth.purse.HoldTokens(request, metadata=auth.tasks)


def settle(auth: RunningAuth, person: Person, hold_id: str = "task-1", charge: int = 0, reason: str = "done") -> Any:
    """Settle a hold as the ledger service does."""
    request = auth_pb2.SettleHoldRequest(hold_id=hold_id, user_id=person.user_id, charge=charge, reason=reason)
    return auth.purse.SettleHold(request, metadata=auth.tasks)


def grant(
    auth: RunningAuth,
    staff: Person,
    person: Person,
    amount: int,
    *,
    request_id: str = "grant-1",
    reason: str = "a gift",
) -> Any:
    """Grant tokens as staff do."""
    request = auth_pb2.GrantTokensRequest(request_id=request_id, user_id=person.user_id, amount=amount, reason=reason)
    return auth.purse.GrantTokens(request, metadata=staff.metadata)


async def warm(auth: RunningAuth, person: Person) -> None:
    """Open the server's connections to the database; else the first call is over before the others have one."""
    request = auth_pb2.GetBalanceRequest()
    await asyncio.gather(*(auth.purse.GetBalance(request, metadata=person.metadata) for _ in range(12)))
