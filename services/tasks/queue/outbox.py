"""The ledger's two relays: settlements to auth, completion events to JetStream. Money does not wait for NATS."""

import asyncio

from services.foundation.outbox import Publisher, Relay, event_relay
from services.tasks.ports import Announcer, OutboxStore, Purse, stored
from services.tasks.values import Settlement


class Relays:
    """Delivers what the ledger has written down for others."""

    def __init__(self, *, outbox: OutboxStore, purse: Purse, publisher: Publisher, announcer: Announcer) -> None:
        """Nothing runs yet."""
        self._outbox = outbox
        self._purse = purse
        self._announcer = announcer
        self._events = event_relay(outbox, publisher)
        self._settlements = Relay(
            take=outbox.take_settlements,
            deliver=self._settle,
            done=self._settled,
            postpone=lambda letter, seconds: outbox.postpone_settlement(letter.hold_id, seconds=seconds),
        )

    def wake(self) -> None:
        """Something was written: look now."""
        self._settlements.wake()
        self._events.wake()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settlements.run())
            group.create_task(self._events.run())

    async def _settle(self, letter: Settlement) -> None:
        await self._purse.settle(
            hold_id=letter.hold_id, user_id=letter.user_id, charge=letter.charge, reason=letter.reason
        )

    async def _settled(self, letter: Settlement) -> None:
        task = await self._outbox.settled(letter.hold_id)
        if task is not None:
            self._announcer.announce(stored(task))
