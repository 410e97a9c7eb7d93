"""A stage's learning rate comes down on time, by steps or by the clock, over all its runs."""

import pytest

from models.schedule import Pace


def test_the_rate_warms_up_stays_and_falls_to_nothing() -> None:
    pace = Pace(steps=1000, minutes=1e6)

    rates = []
    for step, progress in ((0, 0.0), (200, 0.2), (300, 0.3), (650, 0.65), (1000, 1.0)):
        pace.step, pace.progress = step, progress
        rates.append(pace.rate(1.0, flat=0.3))

    assert rates == pytest.approx([0.01, 1.0, 1.0, 0.5, 0.0])


def test_time_spends_the_budget_as_steps_do() -> None:
    by_steps = Pace(steps=10, minutes=1e6, step=5)
    by_clock = Pace(steps=10**9, minutes=1.0, spent=30.0)

    assert by_steps.own_progress == pytest.approx(0.5)
    assert by_clock.own_progress == pytest.approx(0.5, abs=0.01)


def test_a_resumed_stage_goes_on_where_it_was() -> None:
    first = Pace(steps=100, minutes=10.0, step=40, spent=120.0)

    second = Pace(steps=100, minutes=10.0)
    second.resume(first.state())

    assert second.step == 40
    assert second.progress == pytest.approx(0.4)
    assert second.seconds == pytest.approx(120.0, abs=1.0)


def test_a_part_of_the_budget_has_a_cosine_of_its_own() -> None:
    pace = Pace(steps=1000, minutes=1e6, step=500, progress=0.8)

    assert pace.rate(1.0, flat=0.0, end=0.8) == pytest.approx(0.0)
    assert pace.rate(1.0, flat=0.0, begin=0.8) == pytest.approx(1.0)
