"""How many rows to put into one forward of the denoiser: as many as still pay, measured; knows no torch."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.gpu import errors

SIZES: Final = (1, 2, 4, 8, 16, 32)
"""Row counts that are tried, and on an accelerator the only ones that are used, so that compiled graphs serve again."""
WORTH_IT: Final = 1.05
"""A larger forward must do this many times the rows a second of the one before it."""
_IN_VAIN: Final = 2
MOST_SECONDS: Final = 1.0
"""A forward that takes longer makes a newcomer, or a cancel, wait too long for its turn."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What was measured, at one size of picture."""

    rows: int = 2
    """Rows that pay in one forward."""
    pixels: int = 0
    """Width times height they were measured at; 0 when they were not."""
    padded: bool = False
    """Fill forwards up to the next of SIZES."""

    def limit(self, pixels: int) -> int:
        """Rows to put into a forward of pictures of this many pixels, at least one."""
        if not self.pixels or pixels <= self.pixels:
            return self.rows
        # A larger picture fills the device with fewer rows, and its forward takes longer.
        return max(1, self.rows * self.pixels // pixels)

    def filled(self, rows: int) -> int:
        """How many rows a forward of this many is filled up to."""
        return next((size for size in SIZES if size >= rows), rows) if self.padded else rows


def measure(step_rows: Callable[[int], float], *, pixels: int = 0, padded: bool = False) -> Budget:
    """Try more and more rows until more do not pay, twice running: a neighbour may have disturbed a single forward.

    `step_rows` makes a forward of so many rows of pictures of `pixels` pixels and returns the seconds it took; it may
    raise OutOfMemory, which ends the measurement unless it does so at one row. `padded` is for devices that are slow
    with a number of rows they have not seen.
    """
    rows = SIZES[0]
    rate = rows / step_rows(rows)
    in_vain = 0
    for more in SIZES[1:]:
        try:
            seconds = step_rows(more)
        except errors.OutOfMemory:
            break
        if seconds > MOST_SECONDS:
            break
        if more / seconds >= rate * WORTH_IT:
            rows, rate, in_vain = more, more / seconds, 0
            continue
        in_vain += 1
        if in_vain == _IN_VAIN:
            break
    return Budget(rows=rows, pixels=pixels, padded=padded)
