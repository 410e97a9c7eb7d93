"""The half of the ledger's property test that owners see, and what must be true after each step.

A hypothesis state machine that submits, dies half-way, cancels, watches and settles, and compares every row and every
balance with the model's; `tests/unit/tasks/test_ledger_properties.py` adds the dispatchers and runs it.
"""

import asyncio
import datetime as dt
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.tasks import models
from services.tasks.asking.parameters import Asked, resolve
from services.tasks.states import State
from services.tasks.store.images import Images
from services.tasks.values import Lease, NewTask, Task
from tests.support.ledger_model import OK, Job, LedgerModel
from tests.support.ledger_properties import LIMIT, LIMIT_EACH, MODELS, TOKENS, WORKERS, World, image_of

USERS = st.sampled_from(["ada", "eve"])
REQUESTS = st.sampled_from([f"request-{number}" for number in range(8)])
CONTENTS = st.tuples(st.sampled_from(["mini", "mini", "maxi"]), st.integers(1, 3))
WEATHERS = st.sampled_from(["fine"] * 8 + ["auth is away", "the answer is lost"])
ANY = st.integers(0, 99)


class Owners(RuleBasedStateMachine):
    """Two people and few request ids, so that every one is drawn again and again."""

    world: World

    @initialize()
    def begin(self) -> None:
        self.world.empty()
        self.model = LedgerModel(LIMIT, LIMIT_EACH, dict.fromkeys(("ada", "eve"), TOKENS))
        self.leases: list[Lease] = []
        self.seen: dict[str, tuple[int, dict[str, object]]] = {"ada": (0, {}), "eve": (0, {})}
        self.revisions: dict[str, int] = {}

    @rule(user=USERS, request=REQUESTS, content=CONTENTS, weather=WEATHERS)
    def submit(self, user: str, request: str, content: tuple[str, int], weather: str) -> None:
        before, known = self.model.asked_before(user, request), set(self.model.letters)
        expected = self.model.refusal(user, request, content, weather)
        self.world.purse.weather = weather

        reason, task = self.world.outcome(
            self.world.ledger.submit(user_id=user, session_id="s", request_id=request, asked=asked(content))
        )

        self.world.purse.weather = "fine"
        assert reason == expected
        if reason == OK:
            job = before or self.model.admit(task.task_id, user, request, content)
            assert task.task_id == job.task_id
            if job.state is State.PENDING:
                self.model.hold(job.task_id, user, job.samples)
                job.begin_line()
        elif reason in {"AUTH_UNAVAILABLE", "NOT_ENOUGH_TOKENS"}:
            # Whoever was refused never learns the id; the letter that returns its tokens has it.
            (task_id,) = (each for each in self.world.rows().letters if each not in known)
            if weather == "the answer is lost" and reason == "AUTH_UNAVAILABLE":
                self.model.hold(task_id, user, content[1])
            if before is None:
                self.model.admit(task_id, user, request, content)
            self.model.undo(task_id, user)

    @rule(user=USERS)
    def crowd_in(self, user: str) -> None:
        """As many tasks as fit, and one that does not."""
        for number in range(LIMIT_EACH + 1):
            self.submit(user, f"request-{number}", ("mini", 1), "fine")

    @rule(user=USERS, request=REQUESTS, content=CONTENTS, number=st.integers(2, 5))
    def submit_at_once(self, user: str, request: str, content: tuple[str, int], number: int) -> None:
        before, expected = self.model.asked_before(user, request), self.model.refusal(user, request, content, "fine")
        if expected != OK or (before is not None and before.state is State.PENDING):
            return

        async def all_of_them() -> list[Task]:
            return await asyncio.gather(
                *(
                    self.world.ledger.submit(user_id=user, session_id="s", request_id=request, asked=asked(content))
                    for _ in range(number)
                )
            )

        (task_id,) = {task.task_id for task in self.world.run(all_of_them())}

        job = before or self.model.admit(task_id, user, request, content)
        assert task_id == job.task_id
        if job.state is State.PENDING:
            self.model.hold(task_id, user, job.samples)
            job.begin_line()

    @rule(user=USERS, request=REQUESTS, content=CONTENTS, held=st.booleans())
    def die_while_submitting(self, user: str, request: str, content: tuple[str, int], held: bool) -> None:
        """A replica is killed after it admitted the task, with its price held or not."""
        if (
            self.model.asked_before(user, request) is not None
            or self.model.refusal(user, request, content, "fine") != OK
        ):
            return
        new = NewTask(
            task_id=f"pending-{self.model.last_place}",
            user_id=user,
            session_id="s",
            request_id=request,
            digest=asked(content).digest(),
            parameters=resolve(asked(content), MODELS),
            price=content[1],
        )
        assert self.world.run(self.world.store.tasks.admit(new, limit=LIMIT, limit_each=LIMIT_EACH)) is not None
        self.model.admit(new.task_id, user, request, content)
        if held:
            self.world.run(self.world.purse.hold(hold_id=new.task_id, user_id=user, tokens=content[1], reason="images"))
            self.model.hold(new.task_id, user, content[1])

    @rule()
    def undo_abandoned(self) -> None:
        store = self.world.store.tasks
        left = {job.task_id: job.user for job in self.model.jobs.values() if job.state is State.PENDING}

        found = self.world.run(store.abandoned(older_than=dt.timedelta(0)))

        assert set(found) == set(left)
        for task_id, user in left.items():
            assert self.world.run(store.undo(task_id))
            self.model.undo(task_id, user)

    @rule(user=USERS, which=ANY)
    def cancel(self, user: str, which: int) -> None:
        if self.model.jobs:
            self.cancel_of(user, list(self.model.jobs.values())[which % len(self.model.jobs)])

    def cancel_of(self, user: str, job: Job) -> None:
        found = self.world.run(self.world.store.tasks.cancel(user, job.task_id))
        mine = job.user == user and job.state is not State.PENDING
        assert (found is not None) == mine
        if mine:
            self.model.cancel(job)

    def there(self) -> list[tuple[Job, int]]:
        """Every image."""
        return [(job, index) for job in self.model.jobs.values() for index in job.images]

    @precondition(lambda self: self.there())
    @rule(which=ANY, mine=st.sampled_from([True, True, False]))
    def delete_an_image(self, which: int, mine: bool) -> None:
        """Of their own, or of another's, which is refused."""
        job, index = self.there()[which % len(self.there())]
        row = self.world.rows().tasks[job.task_id]
        (image_id,) = (image.uuid for image in row.images if image.index == index)
        user = job.user if mine else "somebody"
        reason, _ = self.world.outcome(Images(self.world.store.database).delete(user, image_id))
        assert reason == (OK if mine else "IMAGE_NOT_FOUND")
        if mine:
            del job.images[index]
            job.deleted.add(index)
            self.deliver_again(job, index)

    def deliver_again(self, job: Job, index: int) -> None:
        """An attempt that did not hear whether its image was taken repeats itself; what was deleted stays so."""
        if job.state is State.RUNNING:
            lease = Lease(task_id=job.task_id, owner=job.owner or "", attempt=job.attempt)
            image = image_of(job.task_id, index, job.attempt)
            self.world.run(self.world.store.leases(lease.owner).deliver(lease, image))

    @invariant()
    def who_stays_sees_what_is_true(self) -> None:
        self.catch_up("ada", 2)

    @rule(user=USERS, many=st.integers(1, 3))
    def catch_up(self, user: str, many: int) -> None:
        """A watcher that comes back after any time sees what is true now."""
        after, view = self.seen[user]
        more = True
        while more:
            changes = self.world.run(self.world.store.tasks.changes(user, session_id="", after=after, limit=many))
            if after == 0:
                view = {}
            view |= {task.task_id: (task.state, len(task.images), task.charged) for task in changes.tasks}
            after, more = changes.revision, changes.more
        self.seen[user] = (after, view)
        truth = self.model.accepted(user, lambda job: (job.state, len(job.images), job.charged))
        assert {task_id: truth[task_id] for task_id in view} == view
        assert bool(view) == bool(truth)

    @rule(crash=st.booleans())
    def settle(self, crash: bool) -> None:
        self.world.take_settlements(crash=crash)
        for task_id in list(self.model.letters):
            self.model.pay_back(task_id)
            if not crash:
                del self.model.letters[task_id]
                if task_id in self.model.jobs:
                    self.model.jobs[task_id].settled = True

    # What must be true all the time

    @invariant()
    def the_ledger_is_what_the_model_is(self) -> None:
        rows = self.world.rows()
        assert {task_id: kept(row) for task_id, row in rows.tasks.items()} == {
            task_id: meant(job) for task_id, job in self.model.jobs.items()
        }
        assert rows.waiting == self.model.waiting() <= LIMIT + sum(slots(target) for target in WORKERS)
        assert rows.letters == self.model.letters
        assert rows.events == {task_id: self.model.jobs[task_id].state for task_id in self.model.events}
        assert self.world.published == self.model.published
        for target in WORKERS:
            assert self.model.running_on(target) <= slots(target)
        self.revisions_only_grow(rows.revisions, rows.tasks)

    @invariant()
    def the_purse_is_what_the_model_is(self) -> None:
        for user, balance in self.model.balances.items():
            assert self.world.purse.kept.balance(user) == balance >= 0
        open_holds = {name: hold for name, hold in self.world.purse.kept.holds.items() if hold.charge is None}
        assert {name: hold.tokens for name, hold in open_holds.items()} == self.model.held

    def revisions_only_grow(self, now: Any, tasks: Any) -> None:
        assert all(now[user] >= revision for user, revision in self.revisions.items())
        self.revisions = dict(now)
        mine = [(row.user_id, row.revision) for row in tasks.values() if row.state != State.PENDING]
        assert len(mine) == len(set(mine))
        assert all(1 <= revision <= now[user] for user, revision in mine)

    def teardown(self) -> None:
        """At rest, what was not returned is the price of what was delivered."""
        if not hasattr(self, "model"):
            return
        self.undo_abandoned()
        self.settle(crash=False)
        for user, balance in self.model.balances.items():
            mine = [job for job in self.model.jobs.values() if job.user == user]
            spent = sum(job.delivered if job.state.ended else job.samples for job in mine)
            assert self.world.purse.kept.balance(user) == balance == TOKENS - spent


def asked(content: tuple[str, int]) -> Asked:
    """A request that nothing is wrong with, at one token an image."""
    return Asked(prompt="a house", model=content[0], samples=content[1])


def slots(target: str) -> int:
    """Tasks that a worker runs at once."""
    return WORKERS[target][0]


def kept(row: models.Task) -> tuple[Any, ...]:
    """A row, as far as the model speaks of it."""
    images = {image.index: image.path for image in row.images}
    return (
        row.user_id, row.request_id, (row.model, row.samples), row.place, row.state, row.attempt, row.lease_owner,
        row.worker, images, row.lost, row.cancel_requested, row.seed, row.step, row.charged, row.settled is not None,
    )  # fmt: skip


def meant(job: Job) -> tuple[Any, ...]:
    """The same of the model's."""
    return (
        job.user, job.request, job.content, job.place, job.state, job.attempt, job.owner,
        job.worker, job.images, job.lost, job.cancel, job.seed, job.step, job.charged, job.settled,
    )  # fmt: skip
