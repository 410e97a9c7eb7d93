"""The loads: what they are made of, and that a seed says all about them."""

import itertools

import pytest

from bench.engine import loads
from bench.engine.loads import LONG_STEPS, MIXED, OVERLOADED, SHORT_STEPS, UNIFORM, Job, Load

SECONDS = {SHORT_STEPS: 0.1, 20: 0.5, LONG_STEPS: 1.1}


def first(load: Load, count: int, *, seed: int = 1) -> list[Job]:
    return list(itertools.islice(loads.jobs(load, size=64, seed=seed), count))


def test_the_same_seed_gives_the_same_jobs_and_another_gives_others() -> None:
    once, again, other = first(MIXED, 40), first(MIXED, 40), first(MIXED, 40, seed=2)

    assert once == again
    assert once != other


def test_a_mixed_load_has_one_long_job_in_any_five_at_a_drawn_place() -> None:
    asked = first(MIXED, 100)

    places = [
        place
        for begin in range(0, 100, 5)
        for place, job in enumerate(asked[begin : begin + 5])
        if job.steps == LONG_STEPS
    ]
    assert len(places) == 20
    assert len(set(places)) > 1


def test_no_two_jobs_of_a_load_share_a_seed() -> None:
    asked = first(MIXED, 200)

    assert len({job.seed for job in asked}) == 200


def test_arrivals_keep_their_pattern_and_follow_the_rate() -> None:
    slow, quick = loads.arrivals(2000, rate=2.0), loads.arrivals(2000, rate=4.0)

    assert slow[0] == 0.0
    assert slow == sorted(slow)
    assert quick == pytest.approx([moment / 2 for moment in slow])
    assert 2000 / slow[-1] == pytest.approx(2.0, rel=0.1)


def test_the_mean_of_a_mix_weighs_its_step_counts() -> None:
    assert MIXED.mean(SECONDS) == pytest.approx((4 * 0.1 + 1.1) / 5)


def test_a_load_has_as_many_jobs_as_its_share_of_the_time_holds_in_whole_rounds() -> None:
    count = UNIFORM.count(SECONDS, size=64, times=4.0)

    assert count % 8 == 0
    assert count * 0.5 == pytest.approx(4.0 * UNIFORM.seconds[64], abs=8 * 0.5)


@pytest.mark.parametrize("load", loads.LOADS, ids=lambda load: load.name)
def test_the_shortest_run_still_has_jobs_of_every_kind(load: Load) -> None:
    asked = first(load, load.count(SECONDS, size=64, times=0.0))

    assert {job.steps for job in asked} == set(load.block)
    assert len(asked) >= 2 * (load.clients or 1)


def test_a_batch_holds_jobs_of_one_kind_and_keeps_their_places() -> None:
    kinds = [(4, 64), (50, 64), (4, 64), (4, 128)]
    asked = [Job(prompt="a star", steps=steps, seed=1, size=size) for steps, size in kinds]

    assert list(loads.alike(asked)) == [[0, 2], [1], [3]]


def test_overload_asks_whatever_comes() -> None:
    assert OVERLOADED.clients is None
