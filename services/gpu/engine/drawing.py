"""The tick loop's one tick: choose images, one forward of the denoiser for all of them, tell, decode what is finished.

All of it runs in the engine's thread. Requests join and leave between ticks, so none waits for another's end, and what
one of them fails with is its own.
"""

import dataclasses
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, TypeVar

from services.foundation import logs
from services.gpu import errors
from services.gpu.engine.finishing import Finishing
from services.gpu.engine.model import Library, Model
from services.gpu.engine.policy import Policy
from services.gpu.engine.pool import Job, Pool
from services.gpu.engine.run import Run
from services.gpu.engine.stream import Post

log = logs.logger(__name__)
R = TypeVar("R")

DECODED_AT_ONCE: Final = 4
"""The autoencoder needs far more memory a picture than the denoiser, and gains little from more at once."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """How ticks are made up."""

    policy: Policy
    """Whose turn it is."""
    places: int
    """Images drawn at once, most of which wait for their turn."""
    fixed_rows: int | None = None
    """Every forward has exactly so many rows, and pictures are decoded one by one: the same request, the same bits."""


class Drawing:
    """Every request that has a slot."""

    def __init__(self, *, library: Library, post: Post, finishing: Finishing, rules: Rules) -> None:
        """Nothing is being drawn."""
        self._library, self._post, self._finishing, self._rules = library, post, finishing, rules
        self.runs: list[Run] = []
        """In order of admission."""
        self._pool = Pool(places=rules.places)
        self._undecoded: list[Job] = []
        # What a bucket is kept to since it ran out of memory: rows of a forward, and pictures decoded at once.
        self._caps: dict[Hashable, int] = {}
        self._decoded_caps: dict[Hashable, int] = {}
        # Models that were in use when another found no room beside them.
        self._in_the_way: frozenset[str] = frozenset()
        # Models that are being read: whoever wants one of them waits, and nobody else.
        self._coming: set[str] = set()

    @property
    def waits(self) -> bool:
        """Whether there is nothing to do until a model is there."""
        return bool(self._coming) and not self._pool.jobs and not self._undecoded

    def admit(self, run: Run) -> None:
        """Give a request a slot; it hears of it once its model is at hand."""
        self.runs.append(run)

    def let_go(self) -> None:
        """Drop every request whose caller is gone or whose time is up."""
        for run in [run for run in self.runs if run.over]:
            if run.stream.closed:
                log.info("cancelled", task_id=run.plan.request_id, done=run.done)
            elif run.late:
                run.fail(errors.DeadlinePassed())
            self._drop(run)

    def tick(self) -> None:
        """Go on by one forward. Raises DeviceLost, and nothing else unless this loop itself is wrong."""
        self._begin()
        # Whoever was admitted need not wait for a forward to hear of it.
        self._post.flush()
        if self._pool.jobs:
            self._step(self._rules.policy(self._pool, self._limit))
        # Nor for the pictures of those that are done: decoding a few takes as long as several steps of a small model.
        self._post.flush()
        if self._undecoded:
            self._decode()

    def _begin(self) -> None:
        waits = False
        self._coming.clear()

        def may_begin(run: Run) -> bool:
            return run.model is not None or not (waits or run.plan.model in self._coming)

        while runs := [run for run in self.runs if run.begun < run.plan.samples and may_begin(run)]:
            # Whoever has the fewest images in the pool; of equals, whoever came first.
            run = min(runs, key=self._pool.images_of)
            if not self._pool.has_room_for(run):
                return
            # What finds no memory holds up what came behind it, but not what has begun: that makes the room.
            waits = not self._begin_one(run) or waits

    def _begin_one(self, run: Run) -> bool:
        """Begin a request's next image, or fail the request, or wait for its model; False where it must wait for
        memory."""
        try:
            model = run.model or self._model(run)
            if model is None:
                return run.plan.model in self._coming
            if run.conditioning is None:
                run.conditioning = model.encode(run.plan, run.pictures)
            trajectory = model.begin(run.plan, run.conditioning, run.begun)
            bucket = (run.plan.model, model.bucket(trajectory))
        except errors.DeviceLost:
            raise
        except Exception as error:  # whatever it was, it was this request's alone
            self._fail(run, error)
            return True
        self._pool.add(Job(run=run, sample=run.begun, trajectory=trajectory, bucket=bucket))
        run.begun += 1
        return True

    def _model(self, run: Run) -> Model[Any, Any] | None:
        """The run's model, pinned; None while it is read, and while those that are in use leave it no room."""
        in_use = frozenset(other.plan.model for other in self.runs if other.model is not None)
        if self._in_the_way and self._in_the_way <= in_use:
            return None
        self._in_the_way = frozenset()
        try:
            run.model = self._library.ask(run.plan.model)
        except errors.OutOfMemory:
            if others := in_use - {run.plan.model}:
                self._in_the_way = others
                return None
            raise
        except errors.ModelUnusable as error:
            raise errors.ModelAway(cause_detail=str(error)) from error
        if run.model is None:
            self._coming.add(run.plan.model)
            return None
        self._library.pin(run.plan.model)
        self._post.publish(run.stream, run.admit())
        return run.model

    def _step(self, jobs: Sequence[Job]) -> None:
        self._pool.turn(list(jobs))
        stepped: dict[Run, list[Job]] = {}
        for job, failure in zip(jobs, self._forward(jobs), strict=True):
            if failure is not None:
                self._fail(job.run, failure)
            else:
                stepped.setdefault(job.run, []).append(job)
        for run, its in stepped.items():
            if not run.over:
                self._tell(run, its)

    def _forward(self, jobs: Sequence[Job]) -> Sequence[Exception | None]:
        """One forward over all, or where that raises two over a half each, and so on down to single images."""
        model = _model_of(jobs[0])

        def step(some: Sequence[Job]) -> Sequence[Exception | None]:
            own = sum(job.trajectory.rows for job in some)
            return model.step([job.trajectory for job in some], rows=self._filled(model, some[0].bucket, own))

        def lower(some: Sequence[Job]) -> None:
            rows = sum(job.trajectory.rows for job in some)
            self._caps[some[0].bucket] = max(1, rows // 2)
            log.warning("not enough memory for a forward", rows=rows, from_now_on=rows // 2)

        return _halving(step, jobs, on_full=lower)

    def _tell(self, run: Run, jobs: Sequence[Job]) -> None:
        last = jobs[-1]
        self._post.publish(run.stream, run.stepped(last.sample, calls=len(jobs), of=last.trajectory.calls))
        every = run.plan.preview_every
        for job in jobs:
            if not job.remaining:
                self._pool.remove(job)
                self._undecoded.append(job)
            elif every and job.trajectory.done % every == 0:
                try:
                    pixels = _model_of(job).preview(job.trajectory)
                except errors.DeviceLost:
                    raise
                except Exception as error:
                    self._fail(run, error)
                    return
                self._finishing.preview(run, job.sample, run.done, pixels)

    def _decode(self) -> None:
        bucket = self._undecoded[0].bucket
        most = 1 if self._rules.fixed_rows else self._decoded_caps.get(bucket, DECODED_AT_ONCE)
        jobs = [job for job in self._undecoded if job.bucket == bucket][:most]
        model = _model_of(jobs[0])

        def lower(some: Sequence[Job]) -> None:
            self._decoded_caps[bucket] = max(1, len(some) // 2)
            log.warning("not enough memory to decode", pictures=len(some), from_now_on=self._decoded_caps[bucket])

        decoded = _halving(lambda some: model.decode([job.trajectory for job in some]), jobs, on_full=lower)
        for job, pixels in zip(jobs, decoded, strict=True):
            if job not in self._undecoded:  # another image of its request has failed just now
                continue
            if isinstance(pixels, Exception):
                self._fail(job.run, pixels)
                continue
            self._undecoded.remove(job)
            self._finishing.image(job.run, job.sample, pixels)
            job.run.undecoded -= 1
            if not job.run.undecoded:
                self._drop(job.run)

    def _limit(self, job: Job) -> int:
        plan = job.run.plan
        rows = self._rules.fixed_rows or _model_of(job).budget.limit(plan.width * plan.height)
        return min(rows, self._caps.get(job.bucket, rows))

    def _filled(self, model: Model[Any, Any], bucket: Hashable, rows: int) -> int:
        filled = max(rows, self._rules.fixed_rows or model.budget.filled(rows))
        return max(rows, min(filled, self._caps.get(bucket, filled)))

    def _fail(self, run: Run, error: Exception) -> None:
        run.fail(error)
        self._drop(run)

    def _drop(self, run: Run) -> None:
        if run not in self.runs:
            return
        self.runs.remove(run)
        for job in [job for job in self._pool.jobs if job.run is run]:
            self._pool.remove(job)
        self._undecoded = [job for job in self._undecoded if job.run is not run]
        if run.model is not None:
            self._library.unpin(run.plan.model)


def _model_of(job: Job) -> Model[Any, Any]:
    assert job.run.model is not None
    return job.run.model


def _halving(
    do: Callable[[Sequence[Job]], Sequence[R | Exception]],
    jobs: Sequence[Job],
    *,
    on_full: Callable[[Sequence[Job]], None] = lambda some: None,
) -> Sequence[R | Exception]:
    """What `do` gives for the jobs; where it raises, for each half of them. `on_full` hears of those there was
    no memory for."""
    try:
        return do(jobs)
    except errors.DeviceLost:
        raise
    except Exception as error:
        if isinstance(error, errors.OutOfMemory):
            on_full(jobs)
        if len(jobs) == 1:
            return [error]
    half = len(jobs) // 2
    return [*_halving(do, jobs[:half], on_full=on_full), *_halving(do, jobs[half:], on_full=on_full)]
