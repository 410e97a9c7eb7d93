"""As many rows go into a forward as still pay."""

import pytest

from services.gpu import errors
from services.gpu.engine import budget
from services.gpu.engine.budget import Budget


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [
        ({1: 0.010, 2: 0.011, 4: 0.012, 8: 0.016, 16: 0.028, 32: 0.055}, 16),
        ({1: 0.010, 2: 0.0198, 4: 0.039}, 1),
        ({1: 0.010, 2: 0.011, 4: 0.0215, 8: 0.043}, 2),
        ({1: 0.010, 2: 0.030, 4: 0.012, 8: 0.024, 16: 0.048}, 4),
        ({1: 0.001, 2: 0.001, 4: 0.001, 8: 0.001, 16: 0.001, 32: 0.001}, 32),
        ({1: 0.4, 2: 0.7, 4: 1.2}, 2),
    ],
    ids=["a card", "a core", "little to gain", "disturbed once", "all there is", "too slow"],
)
def test_more_rows_are_tried_until_they_do_not_pay(seconds: dict[int, float], rows: int) -> None:
    tried: list[int] = []

    def step_rows(count: int) -> float:
        tried.append(count)
        return seconds[count]

    found = budget.measure(step_rows, pixels=64 * 64)

    assert found.rows == rows
    assert tried == list(seconds)


def test_what_has_no_room_ends_the_measurement() -> None:
    def step_rows(count: int) -> float:
        if count > 4:
            raise errors.OutOfMemory
        return 0.01

    assert budget.measure(step_rows).rows == 4


def test_no_room_for_one_row_is_said() -> None:
    def step_rows(count: int) -> float:
        raise errors.OutOfMemory

    with pytest.raises(errors.OutOfMemory):
        budget.measure(step_rows)


@pytest.mark.parametrize(
    ("pixels", "rows"), [(32 * 32, 8), (64 * 64, 8), (128 * 64, 4), (128 * 128, 2), (512 * 512, 1)]
)
def test_larger_pictures_go_by_fewer_rows(pixels: int, rows: int) -> None:
    assert Budget(rows=8, pixels=64 * 64).limit(pixels) == rows


def test_where_nothing_was_measured_the_rows_hold_for_every_size() -> None:
    assert Budget(rows=4).limit(1024 * 1024) == 4


@pytest.mark.parametrize(("rows", "filled"), [(1, 1), (3, 4), (8, 8), (9, 16), (33, 33)])
def test_forwards_are_filled_up_to_sizes_that_come_again_where_that_helps(rows: int, filled: int) -> None:
    assert Budget(padded=True).filled(rows) == filled
    assert Budget().filled(rows) == rows
