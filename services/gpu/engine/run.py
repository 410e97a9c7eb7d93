"""A request on its way through the engine: how far it is, and how its caller learns of that.

Its steps are counted in the engine's thread; its files come from the threads that encode them.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from services.foundation import logs
from services.foundation.errors import DaydreamError
from services.gpu import errors, events
from services.gpu.engine.model import Model
from services.gpu.engine.stream import Stream
from services.gpu.requests import NO_PICTURES, Pictures, Plan

log = logs.logger(__name__)

# How much the newest tick says about the next ones; the rest is said by those before it.
_WEIGHT: Final = 0.3


class Run:
    """One request."""

    def __init__(self, plan: Plan, stream: Stream, *, clock: Callable[[], float]) -> None:
        """Nothing has happened to it yet."""
        self.plan, self.stream = plan, stream
        """What is drawn, and who is told."""
        self.pictures: Pictures = NO_PICTURES
        """The plan's image files, once they are decoded."""
        self.model: Model[Any, Any] | None = None
        """What draws it, once its first image has begun."""
        self.conditioning: Any = None
        """What the model made of its prompts and pictures."""
        self.begun = 0
        """Images begun."""
        self.undecoded = plan.samples
        """Images whose pixels are still to come."""
        self.remaining_seconds = 0.0
        """What is left, by the ticks measured so far."""
        self._clock = clock
        self._admitted = self._last = 0.0
        self._done = 0
        self._call_seconds = 0.0
        self._lock = threading.Lock()
        self._ended = False
        self._delivered: set[int] = set()

    @property
    def over(self) -> bool:
        """Whether nobody waits for it any more: it ended, its reader left, or its time is up."""
        return self._ended or self.stream.closed or self.late

    @property
    def late(self) -> bool:
        """Whether its caller has given up by now."""
        return self.plan.deadline is not None and self._clock() >= self.plan.deadline

    def admit(self) -> events.Admitted:
        """It has a slot."""
        self._admitted = self._last = self._clock()
        return events.Admitted(plan=self.plan)

    def stepped(self, sample: int, *, calls: int, of: int) -> events.Step:
        """Count a tick in which `calls` of its images went a step; `of` is what each takes in all."""
        now = self._clock()
        # The time from one of its ticks to the next, not that of the forward: others take their turns in between.
        seconds = (now - self._last) / calls
        self._call_seconds += (seconds - self._call_seconds) * (_WEIGHT if self._done else 1.0)
        self._last = now
        self._done += calls
        total = of * self.plan.samples
        self.remaining_seconds = (total - self._done) * self._call_seconds
        remaining_ms = round(self.remaining_seconds * 1000)
        return events.Step(sample=sample, done=self._done, total=total, remaining_ms=remaining_ms)

    @property
    def done(self) -> int:
        """Calls of the denoiser so far, over all images."""
        return self._done

    def show(self, preview: events.Preview) -> None:
        """Tell of a preview, from any thread; one that comes after its image is dropped."""
        with self._lock:
            if not self._ended and preview.sample not in self._delivered:
                self.stream.publish(preview)

    def deliver(self, image: events.ImageReady) -> None:
        """Tell of an image, from any thread, and of the end if it was the last."""
        with self._lock:
            if self._ended:
                return
            self._delivered.add(image.sample)
            self.stream.publish(image)
            if len(self._delivered) < self.plan.samples:
                return
            self._ended = True
            duration_ms = round((self._clock() - self._admitted) * 1000)
            self.stream.publish(events.Finished(images=self.plan.samples, duration_ms=duration_ms))
        log.info("finished", task_id=self.plan.request_id, images=self.plan.samples, duration_ms=duration_ms)

    def fail(self, error: Exception) -> None:
        """End it, from any thread; what is no error of ours becomes GenerationFailed."""
        if isinstance(error, DaydreamError):
            failure = error
        else:
            failure = errors.GenerationFailed()
            failure.__cause__ = error
        with self._lock:
            if not self._ended:
                self._ended = True
                self.stream.fail(failure)
