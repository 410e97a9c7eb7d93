"""What the ledger should do, in a few lines and in memory: what property tests compare the real one with.

One call at a time, no database, no clock: a lease is over when a test says so.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from services.tasks.states import MAX_ATTEMPTS, State

OK: Final = "ok"


@dataclass
class Job:
    """A task."""

    task_id: str
    user: str
    request: str
    content: tuple[str, int]
    """Its model and how many images it asks for, at a token each."""
    place: int
    state: State = State.PENDING
    attempt: int = 0
    owner: str | None = None
    worker: str | None = None
    silent: bool = False
    """Whether its lease is over."""
    images: dict[int, str] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    """Images that were delivered, and that their owner wants no more."""
    lost: int = 0
    cancel: bool = False
    seed: int | None = None
    step: int = 0
    charged: int = 0
    settled: bool = False

    @property
    def model(self) -> str:
        """Which workers can run it."""
        return self.content[0]

    @property
    def samples(self) -> int:
        """Images it asks for; its price, too."""
        return self.content[1]

    @property
    def delivered(self) -> int:
        """Images to be paid for."""
        return len(self.images) + len(self.deleted)

    def begin_line(self) -> None:
        """Wait, with no trace of whoever ran it."""
        self.state, self.owner, self.worker, self.silent, self.step = State.QUEUED, None, None, False, 0


@dataclass
class LedgerModel:
    """Tasks, and the purse of everybody."""

    limit: int
    limit_each: int
    balances: dict[str, int]
    last_place: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    """Tokens taken aside, by task, until they are settled."""
    letters: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Settlements that auth was not told of, or is told again: user and charge, by task."""
    events: set[str] = field(default_factory=set)
    """Tasks whose end is still to be published."""
    published: dict[str, State] = field(default_factory=dict)

    def waiting(self, user: str = "") -> int:
        """How many take up a place in the queue."""
        return sum(job.state.waits and user in ("", job.user) for job in self.jobs.values())

    def asked_before(self, user: str, request: str) -> Job | None:
        """What an earlier call with the same request_id made."""
        return next((job for job in self.jobs.values() if (job.user, job.request) == (user, request)), None)

    def refusal(self, user: str, request: str, content: tuple[str, int], weather: str) -> str:
        """Why a submission is refused, or OK."""
        before = self.asked_before(user, request)
        if before is not None and before.content != content:
            return "REQUEST_ID_REUSED"
        if before is not None and before.state is not State.PENDING:
            return OK
        if before is None and (full := self._full(user)):
            return full
        if weather == "auth is away":
            return "AUTH_UNAVAILABLE"
        return self._price(user, content[1], before, weather)

    def _full(self, user: str) -> str:
        if self.waiting(user) >= self.limit_each:
            return "OWN_QUEUE_FULL"
        return "QUEUE_FULL" if self.waiting() >= self.limit else ""

    def _price(self, user: str, price: int, before: Job | None, weather: str) -> str:
        if (before is None or before.task_id not in self.held) and self.balances[user] < price:
            return "NOT_ENOUGH_TOKENS"
        return "AUTH_UNAVAILABLE" if weather == "the answer is lost" else OK

    def admit(self, task_id: str, user: str, request: str, content: tuple[str, int]) -> Job:
        """A place in the queue is taken."""
        self.last_place += 1
        self.jobs[task_id] = Job(task_id, user, request, content, self.last_place)
        return self.jobs[task_id]

    def hold(self, task_id: str, user: str, tokens: int) -> None:
        """The price is taken aside, once."""
        if task_id not in self.held:
            self.held[task_id] = tokens
            self.balances[user] -= tokens

    def undo(self, task_id: str, user: str) -> None:
        """A submission leaves no trace but a letter that returns what it may have held."""
        self.jobs.pop(task_id, None)
        self.letters[task_id] = (user, 0)

    def line(self, models: Collection[str]) -> list[Job]:
        """Tasks that a worker could run, in the order of the queue."""
        waiting = (job for job in self.jobs.values() if job.state is State.QUEUED and job.model in models)
        return sorted(waiting, key=lambda job: job.place)

    def running_on(self, worker: str) -> int:
        """Its leases."""
        return sum(job.state is State.RUNNING and job.worker == worker for job in self.jobs.values())

    def claim(self, job: Job, owner: str, worker: str) -> None:
        """A dispatcher takes a task."""
        job.state, job.owner, job.worker, job.silent, job.step = State.RUNNING, owner, worker, False, 0
        job.attempt += 1

    def holder(self, task_id: str, owner: str, attempt: int) -> Job | None:
        """The task a lease still is for."""
        job = self.jobs[task_id]
        return job if (job.state, job.owner, job.attempt) == (State.RUNNING, owner, attempt) else None

    def end(self, job: Job, state: State) -> None:
        """A task ends, with what follows from it."""
        job.state, job.owner, job.worker, job.silent = state, None, None, False
        job.charged = job.delivered
        self.letters[job.task_id] = (job.user, job.charged)
        self.events.add(job.task_id)

    def give_back(self, job: Job, *, lost: bool) -> None:
        """An attempt ends without an end of the task."""
        job.lost += lost
        if job.cancel:
            self.end(job, State.CANCELLED)
        elif job.delivered == job.samples:
            self.end(job, State.SUCCEEDED)
        elif job.lost >= MAX_ATTEMPTS:
            self.end(job, State.FAILED)
        else:
            job.begin_line()

    def cancel(self, job: Job) -> None:
        """Its owner wants it no more."""
        if job.state is State.QUEUED:
            self.end(job, State.CANCELLED)
        elif job.state is State.RUNNING:
            job.cancel = True

    def pay_back(self, task_id: str) -> None:
        """Auth is told of an end, perhaps again."""
        user, charge = self.letters[task_id]
        if task_id in self.held:
            self.balances[user] += self.held.pop(task_id) - charge

    def silent(self) -> Iterable[Job]:
        """Tasks whose lease is over."""
        return [job for job in self.jobs.values() if job.state is State.RUNNING and job.silent]

    def accepted(self, user: str, about: Callable[[Job], object]) -> dict[str, object]:
        """What an owner sees."""
        mine = (job for job in self.jobs.values() if job.user == user and job.state is not State.PENDING)
        return {job.task_id: about(job) for job in mine}
