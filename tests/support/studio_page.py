"""The studio in a browser: a quick way in, a long timeline, and a look at what jumps."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeVar

from daydream.tasks.v1 import tasks_pb2
from playwright.sync_api import Page, expect

from services.web.visitors import SESSION_COOKIE
from tests.support import threaded_gateway
from tests.support.gateway_backends import Backends, FakeTasks

T = TypeVar("T")
ADA: Final = "ada@example.org"
_LONG_AGO: Final = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)

COUNT_SHIFTS: Final = """() => {
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) window.shift += each.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""
"""Keeps the sum of everything that jumps in `window.shift`."""


class World(Protocol):
    """A gateway and what stands behind it."""

    backends: Backends

    @property
    def url(self) -> str:
        """Where it is."""
        ...

    def do(self, work: Any) -> Any:
        """Run something in its loop."""
        ...


def enter(page: Page, world: World, path: str = "/studio", *, session: tuple[str, str] | None = None) -> str:
    """Open the page in a session of Ada's own, without the door; gives the session's public id."""
    secret, session_id = session or world.backends.auth.open(ADA)
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": world.url}])
    page.goto(f"{world.url}{path}")
    # The button speaks as soon as the page's scripts do.
    expect(page.locator("#panel [data-cost]")).not_to_be_empty()
    return session_id


def first_of(page: Page, held: Sequence[T]) -> T:
    """What a route of a test has held, once it is there: a page says that it sends before the request goes out."""
    while not held:
        # A pause in which the page's events are heard.
        page.wait_for_timeout(20)
    return held[0]


def no_timer_rings(page: Page) -> None:
    """What this page says for a moment it says from now on until it is left, however late a test looks."""
    page.evaluate("() => { window.setTimeout = () => 0; }")


async def hang(
    ledger: FakeTasks,
    owner: str,
    session_id: str,
    *,
    tasks: int,
    samples: int = 4,
    side: int = 64,
    prompt: str = "a house",
) -> list[tasks_pb2.Task]:
    """Pictures of long ago, oldest first, all made of one small file."""
    made = []
    for _ in range(tasks):
        number = len(ledger.tasks) + 1
        task = tasks_pb2.Task(
            task_id=f"old-{number}",
            session_id=session_id,
            state=tasks_pb2.TASK_STATE_SUCCEEDED,
            parameters=tasks_pb2.Parameters(
                prompt=f"{prompt} {number}", model="daydream-mini", sampler="Euler a", steps=20, guidance=2.5,
                width=side, height=side, seed=number * 10, samples=samples,
            ),
            price=samples,
            charged=samples,
            duration_ms=1500,
        )  # fmt: skip
        data = threaded_gateway.picture(task, 0)
        for index in range(samples):
            image = task.images.add(image_id=f"{task.task_id}-{index}", index=index, seed=number * 10 + index)
            image.width = image.height = side
            image.content_type, image.bytes, image.sha256 = "image/png", len(data), hashlib.sha256(data).hexdigest()
            ledger.files[image.image_id] = data
        for stamp in (task.created_time, task.started_time, task.finished_time, task.settled_time):
            stamp.FromDatetime(_LONG_AGO + dt.timedelta(seconds=number))
        ledger.tasks[task.task_id], ledger.owners[task.task_id] = task, owner
        await ledger.stored(task)
        made.append(task)
    return made
