"""Looking at pixels: which are near a colour, and which hang together.

Images are H×W×3 arrays of 8-bit values, masks are H×W arrays of bool.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.palette import RGB

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Blob:
    """One connected region.

    mask: its pixels, cut to its box.
    left, top: where the box begins.
    """

    mask: Mask
    left: int
    top: int

    @property
    def area(self) -> int:
        """The number of pixels."""
        return int(self.mask.sum())

    @property
    def width(self) -> int:
        """The width of the box."""
        return int(self.mask.shape[1])

    @property
    def height(self) -> int:
        """The height of the box."""
        return int(self.mask.shape[0])

    @property
    def fill(self) -> float:
        """The share of its box that the region covers."""
        return self.area / self.mask.size

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box, (x, y)."""
        return self.left + self.width / 2, self.top + self.height / 2


def near(image: Pixels, colours: Sequence[RGB], reach: int) -> Mask:
    """Where the image is within `reach` of one of `colours` in every channel."""
    found = np.zeros(image.shape[:2], dtype=bool)
    for colour in colours:
        found |= np.abs(image.astype(np.int16) - np.array(colour, dtype=np.int16)).max(axis=2) <= reach
    return found


def nearest(image: Pixels, colours: Sequence[RGB]) -> NDArray[np.intp]:
    """For every pixel the number of the colour it is nearest to."""
    away = [np.abs(image.astype(np.int16) - np.array(colour, dtype=np.int16)).sum(axis=2) for colour in colours]
    numbers: NDArray[np.intp] = np.argmin(away, axis=0)
    return numbers


def between(mask: Mask, top: float, bottom: float) -> Mask:
    """The mask with only the rows from `top` to `bottom`, as shares of its height."""
    height = mask.shape[0]
    kept = np.zeros_like(mask)
    first, last = round(top * height), round(bottom * height)
    kept[first:last] = mask[first:last]
    return kept


def blobs(mask: Mask, least: int) -> list[Blob]:
    """The regions of at least `least` pixels that hang together by their sides, the largest first."""
    left_over = mask.copy()
    height, width = mask.shape
    found = []
    for start_y, start_x in np.argwhere(mask).tolist():
        if not left_over[start_y, start_x]:
            continue
        left_over[start_y, start_x] = False
        stack, points = [(start_y, start_x)], []
        while stack:
            y, x = stack.pop()
            points.append((y, x))
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                if 0 <= v < height and 0 <= u < width and left_over[v, u]:
                    left_over[v, u] = False
                    stack.append((v, u))
        if len(points) >= least:
            found.append(_blob(np.array(points)))
    return sorted(found, key=lambda blob: -blob.area)


def _blob(points: NDArray[np.int64]) -> Blob:
    (top, left), (bottom, right) = points.min(axis=0), points.max(axis=0)
    mask = np.zeros((bottom - top + 1, right - left + 1), dtype=bool)
    mask[points[:, 0] - top, points[:, 1] - left] = True
    return Blob(mask=mask, left=int(left), top=int(top))


def long_runs(mask: Mask, least: int) -> Mask:
    """Only those pixels that lie in a horizontal run of at least `least`."""
    kept = np.zeros_like(mask)
    for y, row in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], row.astype(np.int8), [0]))))
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            if end - begin >= least:
                kept[y, begin:end] = True
    return kept


def eroded(mask: Mask) -> Mask:
    """The mask without its outermost pixels, which are mixed with what lies beside them."""
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner
