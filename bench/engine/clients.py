"""Clients in threads, closed loop and open. They know of an arm only how to ask it for one picture."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.engine.figures import Heard
from bench.engine.loads import Job

Draw = Callable[[Job, Callable[[], None]], bytes]
"""Draws one job, calling back for each step it hears of; raises where there is no picture."""


def ask(draw: Draw, job: Job, due: float | None = None) -> Heard:
    """One job, asked for and waited for; its latency counts from when it was `due`, where that was before now."""
    steps: list[float] = []
    asked, failure = due if due is not None else time.perf_counter(), ""
    try:
        draw(job, lambda: steps.append(time.perf_counter()))
    except Exception as error:  # whatever an arm fails with is a figure, not the end of the measuring
        failure = f"{type(error).__name__}: {error}"
    return Heard(job=job, asked=asked, answered=time.perf_counter(), steps=tuple(steps), failure=failure)


def closed(draw: Draw, jobs: Iterator[Job], *, clients: int, count: int) -> list[Heard]:
    """`clients` ask again and again until `count` answers are there, so that all of them were busy up to then.

    What was still under way is waited for and left out.
    """
    heard: list[Heard] = []
    turn = threading.Lock()

    def client() -> None:
        while True:
            with turn:
                if len(heard) >= count:
                    return
                job = next(jobs)
            answer = ask(draw, job)
            with turn:
                heard.append(answer)

    with ThreadPoolExecutor(clients) as pool:
        for future in [pool.submit(client) for _ in range(clients)]:
            future.result()
    return heard[:count]


def opened(draw: Draw, jobs: Iterable[Job], arrivals: Sequence[float]) -> list[Heard]:
    """One job at each of the `arrivals`, seconds from now, whether or not those before it are answered."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(len(arrivals)) as pool:
        futures = []
        for job, moment in zip(jobs, arrivals, strict=False):
            # Arrival times are the experiment itself: nothing else is waited for here.
            time.sleep(max(0.0, begun + moment - time.perf_counter()))
            futures.append(pool.submit(ask, draw, job, begun + moment))
        return [future.result() for future in futures]
