"""Numbers that travelled as float32, as a person wrote them: 0.55 and not 0.550000011920929."""

import struct
from typing import Final

_ALWAYS_KEPT: Final = 6
_ALWAYS_ENOUGH: Final = 9


def shortest(value: float) -> float:
    """The decimal with the fewest digits that the same float32 stands for; other numbers come back as they are.

    Every decimal of up to six digits survives the way there and back; nine tell any two float32 apart.
    """
    for digits in range(_ALWAYS_KEPT, _ALWAYS_ENOUGH + 1):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", value):
            return short
    return value
