"""Watching as one replica does it, with a board and a store, and reading what it tells."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from services.tasks.people.presence import Presence
from services.tasks.queue.lineup import Lineup
from services.tasks.store.presence import Presences
from services.tasks.values import View
from services.tasks.watching.board import Board, Viewer
from services.tasks.watching.watch import Update, Watching
from services.tasks.workers.capabilities import Model
from tests.support.fake_parts import MODEL, Notes
from tests.support.ledger_rows import Store

ADA = Viewer(user_id="ada")


@dataclass
class Crew:
    """One worker with one model."""

    models_seen: list[Model] = field(default_factory=lambda: [MODEL])

    def models(self) -> list[Model]:
        """As seen last."""
        return self.models_seen

    def slots(self) -> int:
        """One."""
        return 1

    def answering(self) -> int:
        """One."""
        return 1


class Desk:
    """Watching with a board and a store."""

    def __init__(self, store: Store) -> None:
        """Its clocks stand still until the test sets `now`, or `seconds`, by which the line is read anew."""
        self.board = Board(Notes())
        self.seconds = 0.0
        lineup = Lineup(tasks=store.tasks, crew=Crew(), board=self.board, clock=lambda: self.seconds)
        self.presence = Presence(
            store=Presences(store.database), announcer=self.board, settle_now=lambda: None, lease_seconds=30
        )
        self.watching = Watching(
            tasks=store.tasks,
            board=self.board,
            lineup=lineup,
            presence=self.presence,
            connected=lambda: True,
            now=lambda: self.now,
        )
        self.now = 1_000_000.0


async def following(stream: AsyncGenerator[Update, None]) -> Update:
    """The next update of a session."""
    async with asyncio.timeout(5):
        return await anext(stream)


async def following_view(stream: AsyncGenerator[View, None]) -> View:
    """The next view of a task."""
    async with asyncio.timeout(5):
        return await anext(stream)
