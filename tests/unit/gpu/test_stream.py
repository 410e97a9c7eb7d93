"""A stream keeps what matters, drops what is old news, and wakes its reader across threads."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from services.gpu import errors, events
from services.gpu.engine.stream import Post, Stream


def new_stream(closed: list[Stream] | None = None) -> Stream:
    """A stream for the running loop that notes who closes it."""
    return Stream(loop=asyncio.get_running_loop(), on_close=(closed if closed is not None else []).append)


def step(done: int) -> events.Step:
    """Step `done` of ten."""
    return events.Step(sample=0, done=done, total=10, remaining_ms=0)


def preview(done: int) -> events.Preview:
    """A preview after step `done`."""
    return events.Preview(sample=0, done=done, webp=b"")


def image(sample: int) -> events.ImageReady:
    """An image."""
    return events.ImageReady(sample=sample, seed=sample, width=8, height=8, png=b"")


FINISHED = events.Finished(images=2, duration_ms=1)


async def test_a_slow_reader_gets_the_newest_step_and_preview_and_every_image_in_order() -> None:
    stream = new_stream()
    for done in range(1, 6):
        stream.publish(step(done))
        stream.publish(preview(done))
    stream.publish(image(0))
    stream.publish(step(6))
    stream.publish(image(1))
    stream.publish(FINISHED)

    read = [event async for event in stream]

    assert read == [preview(5), image(0), step(6), image(1), FINISHED]


async def test_a_reader_that_keeps_up_gets_every_event() -> None:
    stream = new_stream()
    published: list[events.Event] = [step(1), preview(1), step(2), image(0), FINISHED]
    read: list[events.Event] = []

    for event in published:
        stream.publish(event)
        read.append(await anext(stream))

    assert read == published


async def test_a_waiting_reader_is_woken_from_another_thread() -> None:
    stream = new_stream()
    reading = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)

    threading.Thread(target=stream.publish, args=(image(0),)).start()

    assert await asyncio.wait_for(reading, 10) == image(0)


async def test_a_failure_comes_after_what_was_published_before_it() -> None:
    stream = new_stream()
    stream.publish(image(0))
    stream.fail(errors.GenerationFailed())

    first = await anext(stream)

    assert first == image(0)
    with pytest.raises(errors.GenerationFailed):
        await anext(stream)
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_closing_tells_once_and_ends_the_stream() -> None:
    closed: list[Stream] = []
    stream = new_stream(closed)
    stream.publish(image(0))

    await stream.aclose()
    await stream.aclose()

    assert closed == [stream]
    assert stream.closed
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_many_threads_lose_nothing() -> None:
    stream = new_stream()
    threads = [threading.Thread(target=lambda n=n: stream.publish(image(n))) for n in range(50)]

    for thread in threads:
        thread.start()
    read = [await asyncio.wait_for(anext(stream), 10) for _ in threads]

    assert {event.sample for event in read if isinstance(event, events.ImageReady)} == set(range(50))


async def test_each_image_keeps_its_newest_preview() -> None:
    stream = new_stream()
    previews = [events.Preview(sample=sample, done=done, webp=b"") for done in (2, 4) for sample in (0, 1)]
    for each in previews:
        stream.publish(each)
    stream.publish(FINISHED)

    read = [event async for event in stream]

    assert read == [*previews[2:], FINISHED]


async def test_events_of_many_streams_wake_their_readers_all_at_once() -> None:
    class Loop:
        """Counts how often it is woken from another thread."""

        def __init__(self) -> None:
            self.woken = 0

        def call_soon_threadsafe(self, callback: Callable[[], None]) -> None:
            self.woken += 1
            callback()

    loop: Any = Loop()
    streams = [Stream(loop=loop, on_close=lambda _: None) for _ in range(20)]
    post = Post(loop)

    for stream in streams:
        post.publish(stream, step(1))
        post.publish(stream, image(0))
    post.flush()
    post.flush()

    assert loop.woken == 1
    for stream in streams:
        assert [await anext(stream), await anext(stream)] == [step(1), image(0)]
