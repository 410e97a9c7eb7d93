"""The figures: percentiles, speed beside the bare loop, ticks."""

import pytest

from bench.engine import figures
from bench.engine.figures import Heard
from bench.engine.loads import Job


def heard(asked: float, answered: float, *, steps: int = 20, told: tuple[float, ...] = (), failure: str = "") -> Heard:
    job = Job(prompt="a star", steps=steps, seed=1, size=64)
    return Heard(job=job, asked=asked, answered=answered, steps=told, failure=failure)


@pytest.mark.parametrize(("percent", "expected"), [(50, 50.0), (99, 99.0), (100, 100.0), (1, 1.0)])
def test_a_percentile_is_a_value_that_was_seen(percent: float, expected: float) -> None:
    assert figures.percentile([float(value) for value in range(100, 0, -1)], percent) == expected


def test_a_percentile_of_nothing_is_none() -> None:
    assert figures.percentile([], 50) is None


def test_a_loop_that_takes_turns_has_speed_one() -> None:
    answers = [heard(0.0, float(end)) for end in range(1, 9)]

    assert figures.speed(answers, {20: 1.0}, clients=1) == pytest.approx(1.0)


def test_batches_that_take_twice_an_image_have_the_speed_of_their_size_halved() -> None:
    answers = [heard(0.0, 2.0 * batch) for batch in range(1, 5) for _ in range(8)]

    assert figures.speed(answers, {20: 1.0}, clients=8) == pytest.approx(4.0)


def test_speed_counts_work_and_not_images() -> None:
    answers = [heard(0.0, 1.0, steps=4), heard(0.0, 2.0, steps=4), heard(0.0, 3.0, steps=50)]

    assert figures.speed(answers, {4: 0.5, 50: 5.5}, clients=1) == pytest.approx((0.5 + 5.5) / 2.0)


def test_an_open_loop_is_timed_from_its_first_question() -> None:
    answers = [heard(10.0, 12.0), heard(11.0, 14.0)]

    assert figures.speed(answers, {20: 1.0}, clients=None) == pytest.approx(2.0 / 4.0)


def test_failures_do_no_work_and_are_counted() -> None:
    answers = [heard(0.0, 1.0), heard(0.0, 2.0), heard(0.0, 3.0, failure="503")]

    found = figures.summary(answers, {20: 1.0}, {20: 1.0}, clients=1)

    assert found["images"] == 2
    assert found["failed"] == 1
    assert found["speed"] == pytest.approx(1.0)


def test_an_arm_that_only_fails_has_no_speed() -> None:
    answers = [heard(0.0, 1.0, failure="refused")] * 9

    assert figures.summary(answers, {20: 1.0}, {20: 1.0}, clients=8)["speed"] is None


def test_the_bare_loop_is_taken_from_both_sides_of_a_load() -> None:
    answers = [heard(0.0, 3.0), heard(0.0, 6.0)]

    found = figures.summary(answers, {20: 2.0}, {20: 4.0}, clients=1)

    assert found["speed"] == pytest.approx(3.0 / 3.0)
    assert found["bare_drift"] == pytest.approx(2.0)


def test_short_and_long_jobs_have_their_own_latencies() -> None:
    answers = [heard(0.0, 1.0, steps=4), heard(0.0, 2.0, steps=4), heard(0.0, 9.0, steps=50)]

    found = figures.summary(answers, {4: 1.0, 50: 9.0}, {4: 1.0, 50: 9.0}, clients=None)

    assert (found["short_p50"], found["short_p99"], found["long_p50"]) == (1.0, 2.0, 9.0)


def test_a_tick_is_counted_once_however_many_clients_hear_of_it() -> None:
    one = heard(0.0, 5.0, told=(1.0, 2.0, 3.0))
    other = heard(0.0, 5.0, told=(2.01, 3.01, 4.0))

    assert figures.tick([one, other], apart=0.1) == pytest.approx(1.0)


def test_progress_is_told_in_ticks_and_not_at_all_where_there_is_none() -> None:
    told = figures.progress([heard(0.0, 5.0, told=(2.0, 3.0, 4.0, 5.0))], {20: 20.0})
    untold = figures.progress([heard(0.0, 5.0)], {20: 20.0})

    assert told["first_p50"] == 2.0
    assert told["first_ticks"] == pytest.approx(2.0)
    assert set(untold.values()) == {None}


def test_one_client_is_compared_with_the_turns_before_and_after_its_own() -> None:
    answers = [heard(0.0, 2.2), heard(5.0, 8.0)]

    found = figures.alone(answers, [2.0, 2.0, 4.0])

    assert found["ratio"] == pytest.approx((1.1 + 1.0) / 2)
