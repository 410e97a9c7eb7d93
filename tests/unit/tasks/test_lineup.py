"""The line is read no more often than anybody could tell."""

from typing import Any

from services.tasks.ports import stored
from services.tasks.queue.lineup import SHORT, Lineup
from services.tasks.values import InLine
from tests.support.ledger_rows import Store
from tests.support.watching import Crew, Desk


class Counted:
    """A store that counts how often its line is read."""

    def __init__(self, store: Store) -> None:
        self._tasks: Any = store.tasks
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        """Everything else is the store's own."""
        return getattr(self._tasks, name)

    async def in_line(self) -> tuple[InLine, ...]:
        """Read, and count."""
        self.reads += 1
        line: tuple[InLine, ...] = await self._tasks.in_line()
        return line


async def places(store: Store, tasks: Counted, *, joining: int) -> list[int | None]:
    """What each of so many people who join the line one after the other is told."""
    desk = Desk(store)
    lineup = Lineup(tasks=tasks, crew=Crew(), board=desk.board, clock=lambda: 0.0)
    await lineup.line()
    told = []
    for _ in range(joining):
        task = await store.tasks.get("ada", await store.queued("ada"))
        assert task is not None
        desk.board.announce(stored(task))
        view = await lineup.view(task)
        told.append(None if view.progress is None else view.progress.position)
    return told


async def test_a_long_line_is_read_once_for_many_newcomers_who_each_learn_their_place(store: Store) -> None:
    tasks = Counted(store)
    for _ in range(SHORT + 1):
        await store.queued("bob")

    told = await places(store, tasks, joining=4)

    assert told == [SHORT + 2, SHORT + 3, SHORT + 4, SHORT + 5]
    assert tasks.reads == 1


async def test_a_short_line_is_read_anew_after_every_change(store: Store) -> None:
    tasks = Counted(store)

    told = await places(store, tasks, joining=3)

    assert told == [1, 2, 3]
    assert tasks.reads == 4
