"""Figures of the ledger's benchmark: delays of steps that were coalesced, failures apart, ratios by rounds."""

from bench.ledger import figures
from bench.ledger.figures import Asked


def test_a_step_is_known_as_soon_as_a_later_one_is_heard_of() -> None:
    told = {1: 10.0, 2: 11.0, 3: 12.0}

    delays = figures.delays(told, [(10.5, 1), (12.25, 3)])

    assert delays == [0.5, 1.25, 0.25]


def test_a_step_that_nobody_heard_of_has_no_delay() -> None:
    assert figures.delays({1: 10.0, 2: 11.0}, [(10.5, 1)]) == [0.5, None]
    assert figures.delays({1: 10.0}, []) == [None]


def test_an_event_that_turns_back_does_not_make_a_step_unknown_again() -> None:
    assert figures.delays({3: 10.0}, [(11.0, 4), (12.0, 2), (13.0, 4)]) == [1.0]


def test_failures_are_counted_and_kept_out_of_the_latencies() -> None:
    asked = [
        Asked(due=1.0, answered=1.002),
        Asked(due=2.0, answered=2.004),
        Asked(due=3.0, answered=13.0, failure="late"),
    ]

    found = figures.latencies(asked)

    assert (found["count"], found["failed"], found["failures"]) == (2, 1, ["late"])
    assert round(found["most"], 6) == 4.0


def test_nothing_answered_has_no_latency() -> None:
    found = figures.latencies([Asked(due=1.0, answered=2.0, failure="away")])

    assert (found["count"], found["p50"], found["p99"], found["most"]) == (0, None, None, None)


def test_rounds_are_compared_with_their_own_neighbours() -> None:
    slow_machine_in_the_second_round = figures.beside([1.0, 10.0, 1.5], [2.0, 20.0, 2.0])

    assert slow_machine_in_the_second_round == 0.5
