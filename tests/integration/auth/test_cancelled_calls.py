"""Callers leave at any moment (catalogue 51); what they leave behind locks nobody out and loses no token."""

import asyncio
import random

from daydream.auth.v1 import auth_pb2

from tests.support.auth import RunningAuth

SIGN_UP_TOKENS = 100


async def test_calls_that_are_given_up_leave_no_transaction_open(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    moments = random.Random(7)

    async def hold(number: int) -> None:
        request = auth_pb2.HoldTokensRequest(hold_id=f"hold-{number}", user_id=person.user_id, tokens=1, reason="test")
        call = asyncio.ensure_future(auth.purse.HoldTokens(request, metadata=auth.tasks))
        await asyncio.wait({call}, timeout=moments.uniform(0, 0.15))
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    for first in range(0, 60, 6):
        await asyncio.gather(*(hold(number) for number in range(first, first + 6)))

    # Were a transaction left open, this write would wait for it, until the database or its turn is given up.
    last = auth_pb2.HoldTokensRequest(hold_id="last", user_id=person.user_id, tokens=1, reason="test")
    await auth.purse.HoldTokens(last, metadata=auth.tasks, timeout=60)
    balance, amounts = await auth.ledger(person)
    assert balance == sum(amounts) == SIGN_UP_TOKENS - (len(amounts) - 1)
