"""A gateway before made-up backends in a thread of its own, for what is not asynchronous: commands and browsers.

A worker draws what is queued: a prompt with "fail" fails, one with "wait" stays in line, one with "hold" stops
half-way; the rest is drawn step by step.
"""

import asyncio
import concurrent.futures
import contextlib
import io
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from daydream.tasks.v1 import tasks_pb2
from PIL import Image

from services.foundation import errors
from services.web.streams.sse import Hub
from tests.support import gateway
from tests.support.gateway_backends import Backends

T = TypeVar("T")
HANGS_AFTER: Final = 120
"""Seconds after which something is broken; on a slow machine sixty may pass with nothing wrong."""


@dataclass(kw_only=True)
class Running:
    """Where it is and what stands behind it."""

    url: str
    """Address."""
    backends: Backends
    """Made-up auth and tasks."""
    hub: Hub
    """Every open stream of the gateway."""
    loop: asyncio.AbstractEventLoop
    """Where they live."""

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something over there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(HANGS_AFTER)


@contextlib.contextmanager
def running(*, step_seconds: float = 0) -> Iterator[Running]:
    """One that answers; `step_seconds` is how long the worker takes for a step."""
    structlog.configure(
        # The server runs beside the test: its log goes to the standard library's, which pytest keeps.
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    began: concurrent.futures.Future[Running] = concurrent.futures.Future()
    stop = asyncio.Event()

    async def serve() -> None:
        async with gateway.served(draw=picture) as served:
            worker = asyncio.create_task(draw_everything(served.backends, step_seconds))
            url, loop = f"http://127.0.0.1:{served.port}", asyncio.get_running_loop()
            began.set_result(Running(url=url, backends=served.backends, hub=served.gateway.hub, loop=loop))
            await stop.wait()
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    found = began.result(HANGS_AFTER)
    try:
        yield found
    finally:
        found.loop.call_soon_threadsafe(stop.set)
        thread.join(HANGS_AFTER)
        structlog.reset_defaults()


def picture(task: tasks_pb2.Task, index: int) -> bytes:
    """A picture of one colour; another seed is another colour."""
    colour = ((task.parameters.seed + index) * 40) % 256
    file = io.BytesIO()
    Image.new("RGB", (task.parameters.width, task.parameters.height), (colour, 120, 160)).save(file, "PNG")
    return file.getvalue()


def preview() -> bytes:
    """A rough look of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (80, 120, 160)).save(file, "WEBP")
    return file.getvalue()


async def draw_everything(backends: Backends, step_seconds: float) -> None:
    """Be the worker, until cancelled."""
    ledger, look = backends.tasks, preview()

    def next_in_line() -> tasks_pb2.Task | None:
        queued = (each for each in ledger.tasks.values() if each.state == tasks_pb2.TASK_STATE_QUEUED)
        return next((each for each in queued if "wait" not in each.parameters.prompt), None)

    while True:
        await gateway.until(lambda: next_in_line() is not None, seconds=600)
        task = next_in_line()
        assert task is not None
        await ledger.start(task.task_id, seed=500)
        if "fail" in task.parameters.prompt:
            await ledger.end(task.task_id, errors.Unavailable("The worker stopped.", reason="WORKER_LOST"))
            continue
        steps = task.parameters.steps // 2 if "hold" in task.parameters.prompt else task.parameters.steps
        for _ in range(task.parameters.samples):
            for _ in range(steps):
                await asyncio.sleep(step_seconds)
                if task.state == tasks_pb2.TASK_STATE_RUNNING:
                    await ledger.step(task.task_id, look)
            if "hold" in task.parameters.prompt or task.state != tasks_pb2.TASK_STATE_RUNNING:
                break
            await ledger.deliver(task.task_id)
        else:
            await ledger.end(task.task_id)
