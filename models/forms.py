"""The outlines of the eight shapes, drawn on a Pillow canvas."""

import math

from PIL import ImageDraw

from models.palette import RGB
from models.world import Form


def draw_form(draw: ImageDraw.ImageDraw, form: Form, centre: tuple[float, float], r: float, fill: RGB) -> None:
    """Draw one shape around `centre`; r is half its width, and every form fills its square about equally."""
    x, y = centre
    match form:
        case Form.CIRCLE:
            draw.ellipse((x - r, y - r, x + r, y + r), fill=fill)
        case Form.RING:
            draw.ellipse((x - r, y - r, x + r, y + r), outline=fill, width=round(r * 0.42))
        case Form.SQUARE:
            s = r * 0.88
            draw.rectangle((x - s, y - s, x + s, y + s), fill=fill)
        case _:
            draw.polygon([(x + r * u, y + r * v) for u, v in OUTLINES[form]], fill=fill)


def _star() -> list[tuple[float, float]]:
    points = []
    for i in range(10):
        radius = 1.1 if i % 2 == 0 else 0.46
        angle = math.pi * i / 5
        points.append((radius * math.sin(angle), 0.06 - radius * math.cos(angle)))
    return points


def _heart() -> list[tuple[float, float]]:
    points = []
    for i in range(48):
        t = 2 * math.pi * i / 48
        across = 16 * math.sin(t) ** 3
        up = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((across / 16, -(up + 2.5) / 15.5))
    return points


_ARM = 0.36
_CROSS = [
    (-_ARM, -1.0), (_ARM, -1.0), (_ARM, -_ARM), (1.0, -_ARM), (1.0, _ARM), (_ARM, _ARM),
    (_ARM, 1.0), (-_ARM, 1.0), (-_ARM, _ARM), (-1.0, _ARM), (-1.0, -_ARM), (-_ARM, -_ARM),
]  # fmt: skip

OUTLINES: dict[Form, list[tuple[float, float]]] = {
    Form.TRIANGLE: [(0.0, -1.0), (1.05, 0.88), (-1.05, 0.88)],
    Form.DIAMOND: [(0.0, -1.12), (0.84, 0.0), (0.0, 1.12), (-0.84, 0.0)],
    Form.STAR: _star(),
    Form.HEART: _heart(),
    Form.CROSS: _CROSS,
}
