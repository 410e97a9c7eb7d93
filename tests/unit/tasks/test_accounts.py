"""What follows from auth's events: each has its effect, once, and an erasure is repeated while tokens are believed."""

import datetime as dt

from services.tasks.people.accounts import TOKENS_OUTLIVE, Accounts

DELETED = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC)


class Kept:
    """An inbox in memory, and an erasure that leaves something as often as it is told to."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.present = {("ada", "here")}
        self.erased: list[str] = []
        self.leftovers = 0

    async def knows(self, event_id: str) -> bool:
        return event_id in self.done

    async def note(self, event_id: str) -> None:
        self.done.add(event_id)

    async def end_session(self, event_id: str, *, user_id: str, session_id: str) -> bool:
        new = event_id not in self.done
        self.done.add(event_id)
        return new and (user_id, session_id) in self.present

    async def erase(self, user_id: str) -> bool:
        self.erased.append(user_id)
        self.leftovers -= 1
        return self.leftovers < 0


class Desk:
    """Accounts with a clock that stands still."""

    def __init__(self) -> None:
        self.kept, self.left, self.now = Kept(), 0, DELETED
        self.accounts = Accounts(
            inbox=self.kept, erasing=self.kept, somebody_left=self._somebody_left, now=lambda: self.now
        )

    def _somebody_left(self) -> None:
        self.left += 1

    async def deleted(self, tries: int = 1) -> float:
        """Tell of the deletion; what it answers."""
        return await self.accounts.user_deleted("event-1", user_id="ada", time=DELETED, tries=tries)


async def test_an_account_is_erased_at_once_and_again_when_no_token_is_believed_any_more() -> None:
    desk = Desk()

    wait = await desk.deleted()
    desk.now += dt.timedelta(seconds=wait)
    again = await desk.deleted(tries=2)

    assert wait == TOKENS_OUTLIVE.total_seconds()
    assert again == 0
    assert desk.kept.erased == ["ada", "ada"]
    assert desk.kept.done == {"event-1"}


async def test_an_erasure_that_leaves_something_is_repeated_soon_and_less_often_with_time() -> None:
    desk = Desk()
    desk.kept.leftovers = 3

    waits = [await desk.deleted(tries) for tries in (1, 2, 10)]

    assert waits == [0.25, 0.5, 10.0]
    assert not desk.kept.done


async def test_an_event_that_comes_late_or_twice_erases_once_more_at_most() -> None:
    desk = Desk()
    desk.now += dt.timedelta(days=3)

    answers = [await desk.deleted(), await desk.deleted(tries=2)]

    assert answers == [0, 0]
    assert desk.kept.erased == ["ada"]


async def test_only_a_session_that_was_open_and_is_over_for_the_first_time_makes_somebody_leave() -> None:
    desk = Desk()

    for event_id, session_id in (("event-1", "here"), ("event-1", "here"), ("event-2", "never-open")):
        await desk.accounts.session_ended(event_id, user_id="ada", session_id=session_id)

    assert desk.left == 1
