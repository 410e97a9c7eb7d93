"""When a waiting task will start."""

from dataclasses import replace

import pytest

from services.tasks.asking.modes import MAX_SEED
from services.tasks.asking.parameters import Asked, resolve
from services.tasks.queue.estimates import SIMULATED, Line, Standing, Work, work, work_ms
from services.tasks.states import State
from services.tasks.values import Task
from services.tasks.workers.capabilities import StepTime
from services.tasks.workers.generation import Part, what_is_left
from tests.support.fake_parts import MODEL
from tests.support.ledger_rows import PARAMETERS, new_image


def alone(milliseconds: float | None) -> Work | None:
    return None if milliseconds is None else Work(steps=milliseconds, each_ms=1)


def standing(*lefts: int | None) -> tuple[Standing, ...]:
    return tuple(Standing(task_id=f"{left}-{number}", left=alone(left)) for number, left in enumerate(lefts))


@pytest.mark.parametrize(
    ("running", "waiting", "slots", "start"),
    [
        ((), (), 1, 0),
        ((500,), (), 1, 500),
        ((500,), (), 2, 0),
        ((500,), (100, 200), 1, 800),
        # Nothing is gained by drawing two at once: the shorter ones go first, and the longest waits for all of them.
        ((500, 50), (100, 200), 2, 350),
        ((500, 50, 20), (), 2, 70),
        ((500,), (None, 200), 1, None),
        ((), (), 0, None),
    ],
)
def test_a_task_starts_when_the_first_slot_is_free_after_all_before_it(
    running: tuple[int, ...], waiting: tuple[int | None, ...], slots: int, start: int | None
) -> None:
    line = Line(running=standing(*running), waiting=standing(*waiting), slots=slots)

    assert line.start_ms() == start


TOGETHER = Work(steps=100, forward_ms=1, each_ms=0, at_once=2)
ALONE = Work(steps=100, each_ms=1)


@pytest.mark.parametrize(
    ("running", "waiting", "slots", "workers", "start"),
    [
        # Two are drawn at once in the time of one, those that came first before the others.
        ([TOGETHER] * 2, [], 2, 1, 100),
        ([TOGETHER] * 4, [TOGETHER] * 2, 4, 1, 200),
        # As is one task's second image.
        ([replace(TOGETHER, images=2)], [], 1, 1, 100),
        # Two workers draw two at once, of which one task can use only its own worker.
        ([ALONE] * 2, [], 2, 2, 100),
        ([ALONE, replace(ALONE, steps=300)], [ALONE], 2, 2, 200),
    ],
)
def test_a_worker_shares_its_time_among_those_it_draws_at_once(
    running: list[Work], waiting: list[Work], slots: int, workers: int, start: int
) -> None:
    line = Line(
        running=tuple(Standing(task_id=f"r{number}", left=left) for number, left in enumerate(running)),
        waiting=tuple(Standing(task_id=f"w{number}", left=left) for number, left in enumerate(waiting)),
        slots=slots,
        workers=workers,
    )

    assert line.start_ms() == pytest.approx(start, rel=0.05)


def test_a_very_long_line_is_reckoned_by_the_work_before_it() -> None:
    line = Line(waiting=standing(*[100] * (SIMULATED + 50)), slots=2)

    last = line.place(f"100-{SIMULATED + 49}")

    assert last is not None
    # Two have a slot from the start; whoever is last waits for all others but one.
    assert last.start_ms == pytest.approx(100 * (SIMULATED + 49 - 1), rel=0.01)


def test_place_counts_from_one_and_those_ahead_with_the_running_ones() -> None:
    line = Line(running=standing(500), waiting=standing(100, 200), slots=1)

    place = line.place("200-1")

    assert place is not None
    assert (place.position, place.ahead, place.start_ms) == (2, 2, 600)
    assert line.place("elsewhere") is None


def test_work_follows_the_nearest_measured_size_and_halves_without_guidance() -> None:
    timed = replace(
        MODEL,
        step_times=(
            StepTime(width=64, height=64, step_us=10_000, image_us=20_000),
            StepTime(width=256, height=256, step_us=100_000, image_us=200_000),
        ),
    )
    asked = resolve(Asked(prompt="a house", width=64, height=64, steps=10, samples=2), [timed])

    assert work_ms(asked, [timed]) == 2 * (10 * 10 + 20)
    assert work_ms(replace(asked, guidance=1.0), [timed]) == 2 * (10 * 5 + 20)
    assert work_ms(replace(asked, height=128), [timed]) == 2 * (10 * 20 + 40)
    assert work_ms(replace(asked, strength=0.35), [timed]) == 2 * (3 * 10 + 20)
    assert work_ms(asked, [MODEL]) is None


def test_images_of_one_task_are_drawn_together_where_that_gains_something() -> None:
    times = StepTime(width=64, height=64, step_us=10_000, image_us=20_000, shared_step_us=4_000, images_at_once=4)
    timed = replace(MODEL, step_times=(times,))
    one = resolve(Asked(prompt="a house", width=64, height=64, steps=10), [timed])

    asked = work(one, [timed])

    # A forward of one image takes 10 ms, one of four 16: two each, and eight whatever is in it.
    assert asked == Work(steps=10, forward_ms=8, each_ms=2, at_once=4, image_ms=20)
    assert asked.step_ms(1) == 10
    assert work_ms(one, [timed]) == 10 * 10 + 20
    assert work_ms(replace(one, samples=4), [timed]) == 10 * 16 + 4 * 20
    assert work_ms(replace(one, samples=5), [timed]) == 10 * (16 + 10) + 5 * 20
    assert work_ms(replace(one, guidance=1.0), [timed]) == 10 * 9 + 20


def task(images: tuple[int, ...], *, samples: int, seed: int | None) -> Task:
    created = new_image(0).created
    return Task(
        task_id="t", user_id="ada", session_id="", digest="", revision=1, state=State.RUNNING, price=samples, place=1,
        parameters=replace(PARAMETERS, samples=samples, seed=seed), created=created,
        images=tuple(new_image(index) for index in images),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("images", "seed", "left"),
    [
        ((), None, Part(first=0, samples=4, seed=None)),
        ((), 7, Part(first=0, samples=4, seed=7)),
        ((0, 1), 7, Part(first=2, samples=2, seed=9)),
        ((0, 2), 7, Part(first=1, samples=3, seed=8)),
        ((0,), MAX_SEED, Part(first=0, samples=4, seed=MAX_SEED)),
    ],
)
def test_an_attempt_goes_on_after_the_images_that_are_there(
    images: tuple[int, ...], seed: int | None, left: Part
) -> None:
    assert what_is_left(task(images, samples=4, seed=seed)) == left
