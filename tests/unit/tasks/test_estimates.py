"""When a waiting task will start."""

from dataclasses import replace

import pytest

from services.tasks.capabilities import StepTime
from services.tasks.estimates import Line, Standing, work_ms
from services.tasks.generation import Part, what_is_left
from services.tasks.parameters import MAX_SEED, Asked, resolve
from services.tasks.states import State
from services.tasks.values import Task
from tests.support.fake_parts import MODEL
from tests.support.ledger_rows import PARAMETERS, new_image


def standing(*lefts: int | None) -> tuple[Standing, ...]:
    return tuple(Standing(task_id=f"{left}-{number}", left_ms=left) for number, left in enumerate(lefts))


@pytest.mark.parametrize(
    ("running", "waiting", "slots", "start"),
    [
        ((), (), 1, 0),
        ((500,), (), 1, 500),
        ((500,), (), 2, 0),
        ((500,), (100, 200), 1, 800),
        ((500, 50), (100, 200), 2, 350),
        ((500, 50, 20), (), 2, 50),
        ((500,), (None, 200), 1, None),
        ((), (), 0, None),
    ],
)
def test_a_task_starts_when_the_first_slot_is_free_after_all_before_it(
    running: tuple[int, ...], waiting: tuple[int | None, ...], slots: int, start: int | None
) -> None:
    line = Line(running=standing(*running), waiting=standing(*waiting), slots=slots)

    assert line.start_ms() == start


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
    assert work_ms(asked, [MODEL]) is None


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
