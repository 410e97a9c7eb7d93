"""Whatever happens to tasks, in whatever order, the ledger does what a model of a few lines does.

The machine draws submissions, claims, heartbeats, images, ends, cancels, crashes and settlements at random, many of
them repeats, late or wrong. After each it compares every row and every balance with the model's. The invariants that
docs/reliability.md numbers 1 to 9, 11 and 12 are what the model and the comparisons say. `make test-all` draws more.
"""

import asyncio
import os
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from services.tasks.errors import LeaseLost
from services.tasks.states import State
from services.tasks.values import Blame, Failure, Lease
from tests.support.ledger_machine import ANY, Owners, slots
from tests.support.ledger_model import Job
from tests.support.ledger_properties import WORKERS, World, image_of

EVERYTHING: Final = bool(os.environ.get("DAYDREAM_TEST_ALL"))
# The short run draws the same calls every time: what it finds, everybody finds.
DRAWN: Final = settings(
    max_examples=100 if EVERYTHING else 10,
    stateful_step_count=50,
    derandomize=not EVERYTHING,
    # Making a failing run shorter takes minutes, which the short run does not have.
    phases=list(Phase) if EVERYTHING else [Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
OWNERS = st.sampled_from(["dispatcher-1", "dispatcher-2"])
TARGETS = st.sampled_from(sorted(WORKERS))
ENDS = st.sampled_from([State.SUCCEEDED, State.SUCCEEDED, State.FAILED, State.CANCELLED])
BROKEN: Final = Failure(blame=Blame.OURS, reason="BROKEN", message="It broke.")


class Tasks(Owners):
    """With two dispatchers and two workers."""

    @rule(owner=OWNERS, worker=TARGETS)
    def claim(self, owner: str, worker: str) -> None:
        self.claims(((owner, worker),))

    @rule(claims=st.lists(st.tuples(OWNERS, TARGETS), min_size=2, max_size=5))
    def claim_at_once(self, claims: list[tuple[str, str]]) -> None:
        self.claims(tuple(claims))

    @rule(worker=TARGETS)
    def rush(self, worker: str) -> None:
        """Every dispatcher has heard at the same moment that a worker has room."""
        self.claims((("dispatcher-1", worker), ("dispatcher-2", worker)) * 3)

    def claims(self, claims: tuple[tuple[str, str], ...]) -> None:
        async def all_of_them() -> list[Any]:
            return await asyncio.gather(
                *(
                    self.world.store.leases(owner).claim(target, model_names=WORKERS[target][1], slots=slots(target))
                    for owner, target in claims
                )
            )

        waited = {target: self.model.line(WORKERS[target][1]) for target in WORKERS}
        answers = self.world.run(all_of_them())

        for (owner, target), claimed in zip(claims, answers, strict=True):
            if claimed is not None:
                lease, task = claimed
                job = self.model.jobs[task.task_id]
                assert job.state is State.QUEUED
                assert job in waited[target]
                self.model.claim(job, owner, target)
                assert lease == Lease(task_id=job.task_id, owner=owner, attempt=job.attempt)
                self.leases.append(lease)
        for (_, target), claimed in zip(claims, answers, strict=True):
            line = self.model.line(WORKERS[target][1])
            if claimed is None:
                assert self.model.running_on(target) == slots(target) or not line
            else:
                # Nobody who was ahead of it, and whom this worker could have run, was passed over.
                assert all(job.place > self.model.jobs[claimed[1].task_id].place for job in line)

    def held(self, which: int) -> tuple[Lease, Job | None]:
        """Some lease that was ever given out, mostly one that is good, and the task it still is for."""
        held = [(lease, self.model.holder(lease.task_id, lease.owner, lease.attempt)) for lease in self.leases]
        good = [(lease, job) for lease, job in held if job is not None]
        found: list[Any] = good if which % 4 and good else held
        lease, job = found[which // 4 % len(found)]
        return lease, job

    def write(self, work: Any, *, allowed: bool) -> Any:
        """What a write under a lease gives; a stale one is refused."""
        if allowed:
            return self.world.run(work)
        with pytest.raises(LeaseLost):
            self.world.run(work)
        return None

    @precondition(lambda self: self.leases)
    @rule(which=ANY, steps=st.integers(0, 3), silent=st.booleans())
    def beat(self, which: int, steps: int, silent: bool) -> None:
        lease, job = self.held(which)
        # Of a dispatcher that says nothing more after this.
        leases = self.world.store.leases(lease.owner, seconds=-1 if silent else 3600)
        step = steps + (job.step if job is not None else 0)
        stop = self.write(leases.beat(lease, step=step, steps_total=12), allowed=job is not None)
        if job is not None:
            job.step, job.silent = step, silent
            assert stop == job.cancel

    @precondition(lambda self: self.leases)
    @rule(which=ANY, seed=st.integers(0, 5))
    def admitted(self, which: int, seed: int) -> None:
        lease, job = self.held(which)
        leases = self.world.store.leases(lease.owner)
        for drawn in (seed, seed + 1):
            task = self.write(leases.admitted(lease, seed=drawn), allowed=job is not None)
            if job is not None:
                # The first one stays, so that a later attempt goes on with the same.
                job.seed = drawn if job.seed is None else job.seed
                assert task.parameters.seed == job.seed

    @precondition(lambda self: self.leases)
    @rule(which=ANY, index=st.integers(0, 2), times=st.integers(1, 2))
    def deliver(self, which: int, index: int, times: int) -> None:
        lease, job = self.held(which)
        image = image_of(lease.task_id, index, lease.attempt)
        if job is not None and (index >= job.samples or job.images.get(index, image.path) != image.path):
            return  # an attempt passes over what earlier ones delivered
        for _ in range(times):
            self.write(self.world.store.leases(lease.owner).deliver(lease, image), allowed=job is not None)
        if job is not None and index not in job.deleted:
            job.images[index] = image.path

    @precondition(lambda self: self.leases)
    @rule(which=ANY, state=ENDS)
    def end(self, which: int, state: State) -> None:
        lease, job = self.held(which)
        end = self.world.store.leases(lease.owner).end(lease, state, BROKEN if state is State.FAILED else None)
        if job is not None and state is State.SUCCEEDED and job.delivered < job.samples:
            with pytest.raises(ValueError, match="cannot have succeeded"):
                self.world.run(end)
            return
        self.write(end, allowed=job is not None)
        if job is not None:
            self.model.end(job, state)

    @precondition(lambda self: self.leases)
    @rule(which=ANY, lost=st.sampled_from([True, True, False]))
    def give_back(self, which: int, lost: bool) -> None:
        lease, job = self.held(which)
        self.write(self.world.store.leases(lease.owner).give_back(lease, lost=lost), allowed=job is not None)
        if job is not None:
            self.model.give_back(job, lost=lost)

    @rule(owner=OWNERS, worker=TARGETS, images=st.integers(1, 3), end=st.sampled_from(["well", "lost", "not yet"]))
    def draw(self, owner: str, worker: str, images: int, end: str) -> None:
        """An attempt as most are: claimed, drawn image by image, and ended."""
        self.claims(((owner, worker),))
        mine = [job for job in self.model.jobs.values() if (job.owner, job.worker) == (owner, worker)]
        if mine:
            job = max(mine, key=lambda each: each.place)
            lease = Lease(task_id=job.task_id, owner=owner, attempt=job.attempt)
            leases = self.world.store.leases(owner)
            missing = [each for each in range(job.samples) if each not in job.images and each not in job.deleted]
            for index in missing[:images]:
                image = image_of(job.task_id, index, job.attempt)
                self.world.run(leases.deliver(lease, image))
                job.images[index] = image.path
            if end == "well" and job.delivered == job.samples:
                self.world.run(leases.end(lease, State.SUCCEEDED))
                self.model.end(job, State.SUCCEEDED)
            elif end == "lost":
                self.world.run(leases.give_back(lease, lost=True))
                self.model.give_back(job, lost=True)

    @rule(owner=OWNERS)
    def lose_three_times(self, owner: str) -> None:
        """A task that kills whoever runs it."""
        for _ in range(3):
            self.claims(((owner, "gpu-2"),))
            running = [job for job in self.model.jobs.values() if (job.owner, job.worker) == (owner, "gpu-2")]
            if self.late():
                self.come_back_late(0)
            if running:
                first = min(running, key=lambda job: job.place)
                lease = Lease(task_id=first.task_id, owner=owner, attempt=first.attempt)
                self.world.run(self.world.store.leases(owner).give_back(lease, lost=True))
                self.model.give_back(first, lost=True)

    def late(self) -> list[Lease]:
        """Leases of earlier attempts at tasks that run."""
        return [
            lease
            for lease in self.leases
            if self.model.jobs[lease.task_id].state is State.RUNNING
            and self.model.holder(lease.task_id, lease.owner, lease.attempt) is None
        ]

    @precondition(lambda self: self.late())
    @rule(which=ANY)
    def come_back_late(self, which: int) -> None:
        """A dispatcher that was stopped goes on writing while the next attempt runs, which it cannot know of."""
        lease = self.late()[which % len(self.late())]
        leases = self.world.store.leases(lease.owner)
        for write in (
            leases.beat(lease, step=12, steps_total=12),
            leases.admitted(lease, seed=99),
            leases.deliver(lease, image_of(lease.task_id, 0, lease.attempt)),
            leases.end(lease, State.CANCELLED),
            leases.give_back(lease, lost=True),
        ):
            self.write(write, allowed=False)

    @rule(which=ANY)
    def lose_one_that_is_cancelled(self, which: int) -> None:
        """Its dispatcher dies before it could stop it."""
        running = [job for job in self.model.jobs.values() if job.state is State.RUNNING]
        if running:
            job = running[which % len(running)]
            self.cancel_of(job.user, job)
            lease = Lease(task_id=job.task_id, owner=job.owner or "", attempt=job.attempt)
            self.world.run(self.world.store.leases(lease.owner, seconds=-1).beat(lease, step=0, steps_total=12))
            job.step, job.silent = 0, True
            self.requeue_lost()

    # Whoever puts right what crashes left

    @rule()
    def requeue_lost(self) -> None:
        silent = {job.task_id for job in self.model.silent()}
        while (task := self.world.run(self.world.store.leases("anybody").expire_one())) is not None:
            silent.remove(task.task_id)
            self.model.give_back(self.model.jobs[task.task_id], lost=True)
        assert not silent

    @rule()
    def fail_what_no_worker_offers(self) -> None:
        task = self.world.run(self.world.store.leases("anybody").fail_one("maxi", BROKEN))
        line = self.model.line(["maxi"])
        assert (task and task.task_id) == (line[0].task_id if line else None)
        if line:
            self.model.end(line[0], State.FAILED)

    @rule(crash=st.booleans())
    def publish(self, crash: bool) -> None:
        self.world.take_events(crash=crash)
        self.model.published |= {task_id: self.model.jobs[task_id].state for task_id in self.model.events}
        if not crash:
            self.model.events.clear()


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """An empty ledger on a database of each kind."""
    made = World(database_url)
    yield made
    made.close()


@pytest.mark.timeout(1800)
def test_the_ledger_does_what_the_model_does(world: World) -> None:
    here = type("Here", (Tasks,), {"world": world})

    run_state_machine_as_test(here, settings=DRAWN)
