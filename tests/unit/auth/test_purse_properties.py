"""Whatever happens to purses, in whatever order, they do what a model of a few lines does, and the ledger adds up.

The machine draws calls at random, many of them repeats or wrong, and compares each answer or refusal with the model's;
at the end the ledger must hold what the model says. `make test-all` draws far more.
"""

import asyncio
import os
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
import shortuuid
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import messages, models
from services.auth.codes import Codes
from services.auth.passwords import Passwords
from services.auth.purse import Purse
from services.auth.standing import Standing
from services.auth.stores import SqlStorage
from services.auth.values import CodeKind, Entry, EntryKind, User
from services.foundation import database, errors
from services.foundation.database import utc_now
from services.foundation.identity import Caller, Role, Scope

EVERYTHING: Final = bool(os.environ.get("DAYDREAM_TEST_ALL"))
# The short run draws the same calls every time: what it finds, everybody finds.
DRAWN: Final = settings(
    max_examples=400 if EVERYTHING else 25,
    stateful_step_count=50,
    derandomize=not EVERYTHING,
    # Making a failing run shorter takes minutes, which the short run does not have.
    phases=list(Phase) if EVERYTHING else [Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
PEOPLE = st.sampled_from(["ada", "eve"])
TASKS = st.sampled_from([f"task-{number}" for number in range(3)])
GRANTS = st.sampled_from(["grant-1", "grant-2", "grant-3"])
CODES = st.integers(0, 2)
SHARES = st.sampled_from(["half", "none", "all", "half", "more", "negative"])
# The last one, so that shrinking leaves it out.
SELDOM = st.sampled_from([False] * 5 + [True])
OK: Final = "ok"
Outcome = tuple[str, Any]


class World:
    """The real thing, called from a test that is not asynchronous itself."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._engine: AsyncEngine = database.open_engine(url)
        self.storage = SqlStorage(self._engine, encode=messages.encode)
        self._passwords = Passwords(threads=1, waiting=1)
        self.purse = Purse(self.storage, now=utc_now)
        self.codes = Codes(self.storage, now=utc_now)
        self.standing = Standing(self.storage, self._passwords, now=utc_now)
        self.run(self._make_tables())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for it."""
        return self._runner.run(work)

    def outcome(self, work: Coroutine[Any, Any, Any]) -> Outcome:
        """What came of a call: the answer, or the reason it was refused for."""
        try:
            return OK, self.run(work)
        except errors.DaydreamError as error:
            return error.detail_reason, None

    def close(self) -> None:
        """Let go of everything."""
        self._passwords.close()
        self.run(self._engine.dispose())
        self._runner.close()

    async def _make_tables(self) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(models.Base.metadata.create_all)


@dataclass
class Held:
    """A hold of the model's."""

    person: str
    tokens: int
    balance_after: int = 0
    charge: int | None = None


@dataclass
class Model:
    """What purses should do, for people who are never more than one call at a time."""

    balances: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Held] = field(default_factory=dict)
    grants: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    redeemed: set[tuple[int, str]] = field(default_factory=set)
    left: list[int] = field(default_factory=list)
    suspended: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)

    def _out(self, person: str) -> str:
        if person in self.gone:
            return "USER_NOT_FOUND"
        return "ACCOUNT_SUSPENDED" if person in self.suspended else ""

    def hold(self, task: str, person: str, tokens: int) -> Outcome:
        if tokens < 1:
            return "INVALID_INPUT", None
        first = self.holds.get(task)
        if first is not None:
            if first.tokens == 0 and first.person == person:
                return "HOLD_SETTLED", None
            same = (first.person, first.tokens) == (person, tokens)
            return (OK, first.balance_after) if same else ("REQUEST_ID_REUSED", None)
        if self._out(person):
            return self._out(person), None
        if self.balances[person] < tokens:
            return "NOT_ENOUGH_TOKENS", None
        self.balances[person] -= tokens
        self.holds[task] = Held(person, tokens, self.balances[person])
        return OK, self.balances[person]

    def settle(self, task: str, person: str, charge: int) -> Outcome:
        held = self.holds.get(task)
        if charge < 0 or (held is None and charge > 0):
            return "INVALID_INPUT", None
        if held is None:
            self.holds[task] = Held(person, 0, charge=0)
            return OK, 0
        if held.person != person or held.charge not in (None, charge):
            return "REQUEST_ID_REUSED", None
        if charge > held.tokens:
            return "INVALID_INPUT", None
        if held.charge is None:
            held.charge = charge
            self.balances[person] += held.tokens - charge
        return OK, held.tokens - charge

    def grant(self, request: str, person: str, amount: int) -> Outcome:
        if amount == 0:
            return "INVALID_INPUT", None
        if request in self.grants:
            first_person, first_amount, balance_after = self.grants[request]
            same = (first_person, first_amount) == (person, amount)
            return (OK, balance_after) if same else ("REQUEST_ID_REUSED", None)
        if person in self.gone:
            return "USER_NOT_FOUND", None
        if self.balances[person] + amount < 0:
            return "NOT_ENOUGH_TOKENS", None
        self.balances[person] += amount
        self.grants[request] = (person, amount, self.balances[person])
        return OK, self.balances[person]

    def redeem(self, code: int, person: str, worth: int) -> Outcome:
        if self._out(person):
            return self._out(person), None
        if (code, person) in self.redeemed:
            return "CODE_REDEEMED", None
        if not self.left[code]:
            return "CODE_NOT_VALID", None
        self.left[code] -= 1
        self.redeemed.add((code, person))
        self.balances[person] += worth
        return OK, self.balances[person]


class Purses(RuleBasedStateMachine):
    """Two people with tokens, staff, and few ids, so that every one is drawn again and again."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(balances={"ada": 20, "eve": 20}, left=[1, 2, 1])
        # Ids of this run's own, for all runs share one database.
        self.mark = shortuuid.uuid()[:8]
        self.staff = Caller(subject=self.name("staff"), role=Role.STAFF, scopes=frozenset(Scope))
        self.world.run(self._make_people())
        self.issued = [
            self.world.run(
                self.world.codes.issue(
                    "", kind=CodeKind.TOKENS, tokens=5, reason="a gift", max_redemptions=most, expire_time=None
                )
            )
            for most in self.model.left
        ]

    def name(self, what: str) -> str:
        return f"{what}-{self.mark}"

    async def _make_people(self) -> None:
        async with self.world.storage.write() as work:
            for who, role in (("ada", Role.USER), ("eve", Role.USER), ("staff", Role.STAFF)):
                name, tokens = self.name(who), self.model.balances.get(who, 0)
                user = User(user_id=name, email=name, role=role, tokens=tokens, created_time=utc_now())
                await work.users.add(user, "")
                await work.purse.add_entry(
                    Entry(
                        entry_id=shortuuid.uuid(),
                        user_id=name,
                        kind=EntryKind.SIGN_UP,
                        amount=tokens,
                        balance_after=tokens,
                        created_time=utc_now(),
                    )
                )

    @rule(task=TASKS, person=PEOPLE, tokens=st.integers(0, 8))
    def hold(self, task: str, person: str, tokens: int) -> None:
        # Whoever gets no answer sends it again, so everything here is sent twice.
        for _ in range(2):
            call = self.world.purse.hold(
                hold_id=self.name(task), user_id=self.name(person), tokens=tokens, reason="a picture"
            )
            assert self.world.outcome(call) == self.model.hold(task, person, tokens)

    @rule(task=TASKS, share=SHARES, stranger=SELDOM)
    def settle(self, task: str, share: str, stranger: bool) -> None:
        if task not in self.model.holds and not stranger:
            # What never arrives is settled seldom, or no task would be left to hold for.
            return
        held = self.model.holds.get(task, Held("ada", 0))
        person = held.person if not stranger else {"ada": "eve", "eve": "ada"}[held.person]
        shares = {"none": 0, "half": held.tokens // 2, "all": held.tokens, "more": held.tokens + 1, "negative": -1}
        for _ in range(2):
            call = self.world.purse.settle(
                hold_id=self.name(task), user_id=self.name(person), charge=shares[share], reason="done"
            )
            assert self.world.outcome(call) == self.model.settle(task, person, shares[share])

    @rule(request=GRANTS, person=PEOPLE, amount=st.integers(-12, 30))
    def grant(self, request: str, person: str, amount: int) -> None:
        for _ in range(2):
            call = self.world.purse.grant(
                self.staff, request_id=request, user_id=self.name(person), amount=amount, reason="a gift"
            )
            assert balance_after(self.world.outcome(call)) == self.model.grant(request, person, amount)

    @rule(code=CODES, person=PEOPLE)
    def redeem(self, code: int, person: str) -> None:
        caller = Caller(subject=self.name(person), role=Role.USER, scopes=frozenset(Scope))
        told = self.world.outcome(self.world.codes.redeem(caller, self.issued[code][1]))
        assert balance_after(told) == self.model.redeem(code, person, 5)

    @rule(code=CODES, really=SELDOM)
    def withdraw(self, code: int, really: bool) -> None:
        if really:
            self.world.run(self.world.codes.withdraw("", self.issued[code][0].code_id))
            self.model.left[code] = 0

    @rule(person=PEOPLE, out=st.booleans())
    def suspend_or_restore(self, person: str, out: bool) -> None:
        change = self.world.standing.suspend if out else self.world.standing.restore
        reason, _ = self.world.outcome(change(self.staff, self.name(person)))
        assert reason == ("USER_NOT_FOUND" if person in self.model.gone else OK)
        (self.model.suspended.add if out else self.model.suspended.discard)(person)

    @rule(person=PEOPLE, really=SELDOM)
    def delete(self, person: str, really: bool) -> None:
        # For not much happens to an account after it.
        if really:
            reason, _ = self.world.outcome(self.world.standing.delete(self.staff, self.name(person), password=""))
            assert reason == ("USER_NOT_FOUND" if person in self.model.gone else OK)
            self.model.gone.add(person)

    def teardown(self) -> None:
        """Every answer was compared with the model's; now what is written down is."""
        for person, balance in self.model.balances.items():
            tokens, entries = self.world.run(self._kept(self.name(person)))
            assert tokens == balance == sum(entry.amount for entry in entries)
            assert [entry.balance_after for entry in entries] == running_sums(entries)
            assert all(entry.balance_after >= 0 for entry in entries)
            for task, held in self.model.holds.items():
                mine = [entry for entry in entries if entry.task_id == self.name(task)]
                assert_settled_once(mine, held if held.person == person else None)

    async def _kept(self, user_id: str) -> tuple[int, tuple[Entry, ...]]:
        """The balance and the ledger, oldest first; of a deleted account, too."""
        async with self.world.storage.write() as work:
            user = await work.users.lock(user_id)
            assert user is not None
            return user.tokens, (await work.purse.entries(user_id, before=None, limit=1000)).items[::-1]


def balance_after(told: Outcome) -> Outcome:
    """The outcome with the balance alone in place of the whole line of the ledger."""
    reason, entry = told
    return reason, entry.balance_after if entry is not None else None


def running_sums(entries: tuple[Entry, ...]) -> list[int]:
    """What the balance was after each line."""
    return [sum(entry.amount for entry in entries[: number + 1]) for number in range(len(entries))]


def assert_settled_once(entries: list[Entry], held: Held | None) -> None:
    """One line for a hold and at most one for what came back, which together come to what was charged."""
    if held is None or held.tokens == 0:
        assert entries == []
        return
    returned = 0 if held.charge is None else held.tokens - held.charge
    expected = [(EntryKind.HOLD, -held.tokens)] + ([(EntryKind.RETURN, returned)] if returned else [])
    assert [(entry.kind, entry.amount) for entry in entries] == expected


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Purses on a database of each kind."""
    made = World(database_url)
    yield made
    made.close()


def test_purses_do_what_the_model_does(world: World) -> None:
    here = type("Here", (Purses,), {"world": world})

    run_state_machine_as_test(here, settings=DRAWN)
