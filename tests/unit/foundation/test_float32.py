"""Numbers that travelled as float32 come back as they were typed."""

import struct

import pytest

from services.foundation.float32 import shortest


def travelled(value: float) -> float:
    """As a float field of a message carries it."""
    back: float = struct.unpack("f", struct.pack("f", value))[0]
    return back


@pytest.mark.parametrize("typed", [0.55, 2.6, 0.69999, 7.3, 0.1, 0.00098, 0.0, -1.7, 1e-7, 12345.6, 3.4e38])
def test_what_was_typed_with_six_digits_comes_back(typed: float) -> None:
    assert shortest(travelled(typed)) == typed


@pytest.mark.parametrize("number", [16_777_216.0, 16_777_218.0, 1 / 3, 2.6000001, 1e-45, float("inf")])
def test_whatever_comes_back_is_the_same_float32(number: float) -> None:
    assert travelled(shortest(travelled(number))) == travelled(number)


def test_what_is_no_number_stays_none() -> None:
    assert str(shortest(float("nan"))) == "nan"
