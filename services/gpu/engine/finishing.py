"""Pixels to files and files to pixels, in threads beside the engine's, which has better things to do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from services.gpu import events, images, uploads
from services.gpu.engine.run import Run
from services.gpu.images import Pixels

_THREADS: Final = 2


class Finishing:
    """Encodes and delivers pictures, and decodes those that requests bring."""

    def __init__(self) -> None:
        """No thread runs before it is needed."""
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pictures")

    def decode(self, run: Run, then: Callable[[], None]) -> None:
        """Decode the run's image files, then call `then` in this thread; a bad file fails the run instead."""

        def work() -> None:
            run.pictures = uploads.decode(run.plan)
            then()

        self._submit(run, work)

    def image(self, run: Run, sample: int, pixels: Pixels) -> None:
        """Deliver an image as PNG."""

        def work() -> None:
            height, width = pixels.shape[:2]
            png = images.png(pixels)
            seed = run.plan.seed + sample
            run.deliver(events.ImageReady(sample=sample, seed=seed, width=width, height=height, png=png))

        self._submit(run, work)

    def preview(self, run: Run, sample: int, done: int, pixels: Pixels) -> None:
        """Show a preview as WebP."""
        self._submit(run, lambda: run.show(events.Preview(sample=sample, done=done, webp=images.webp(pixels))))

    def close(self) -> None:
        """Wait for what was begun."""
        self._threads.shutdown()

    def _submit(self, run: Run, work: Callable[[], None]) -> None:
        def guarded() -> None:
            if run.over:
                return
            try:
                work()
            except Exception as error:  # of a library that does not like a picture
                run.fail(error)

        self._threads.submit(guarded)
