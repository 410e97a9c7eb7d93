"""Draws the things that stand in a scene: house, trees, boat, lighthouse."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import ImageDraw

from models.palette import (
    CACTUS,
    CROWN,
    DARK,
    HEADLAND,
    LAND,
    PAINT,
    PANE,
    RGB,
    SAIL,
    SNOWCAP,
    STRIPE,
    TREE,
    TRUNK,
    house,
    mix,
)
from models.world import Colour, Ground, Scene, Season, Side, Time


@dataclass(frozen=True, kw_only=True)
class Brush:
    """Draws in shares of the picture's width.

    draw: the Pillow canvas.
    side: its width and height in pixels.
    time: the time of day, by which most colours are chosen.
    """

    draw: ImageDraw.ImageDraw
    side: int
    time: Time

    def circle(self, x: float, y: float, r: float, fill: RGB) -> None:
        """A disc around (x, y)."""
        s = self.side
        self.draw.ellipse(((x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s), fill=fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: RGB) -> None:
        """An upright rectangle."""
        s = self.side
        self.draw.rectangle((left * s, top * s, right * s, bottom * s), fill=fill)

    def polygon(self, points: Sequence[tuple[float, float]], fill: RGB) -> None:
        """A filled outline."""
        self.draw.polygon([(x * self.side, y * self.side) for x, y in points], fill=fill)


def draw_house(brush: Brush, colour: Colour, x: float, foot: float) -> None:
    """A house with its door in the middle of its foot at (x, foot)."""
    paint = house(colour)
    half, tall = 0.145, 0.17
    eaves = foot - tall
    brush.box(x + 0.065, eaves - 0.115, x + 0.1, eaves - 0.02, paint.roof)
    brush.polygon([(x - half - 0.03, eaves), (x, eaves - 0.13), (x + half + 0.03, eaves)], paint.roof)
    brush.box(x - half, eaves, x + half, foot, paint.wall)
    brush.box(x - 0.026, foot - 0.09, x + 0.026, foot, DARK)
    for dx in (-0.085, 0.085):
        brush.box(x + dx - 0.026, eaves + 0.04, x + dx + 0.026, eaves + 0.09, PANE[brush.time])


def draw_tree(brush: Brush, rng: random.Random, scene: Scene, x: float, foot: float) -> None:
    """What grows in `scene`: a fir, white on top in the snow; a round tree in spring or autumn; in the desert a cactus.

    (x, foot) is the foot of its trunk.
    """
    scale = rng.uniform(0.95, 1.06)
    if scene.ground is Ground.DESERT:
        _cactus(brush, rng, x, foot, scale)
    elif scene.season is Season.SUMMER:
        _fir(brush, scene.ground, x, foot, scale)
    else:
        _round_tree(brush, CROWN[scene.season], x, foot, scale)


def _fir(brush: Brush, ground: Ground, x: float, foot: float, scale: float) -> None:
    leaf = TREE[brush.time]
    brush.box(x - 0.012, foot - 0.04, x + 0.012, foot, TRUNK)
    tiers = ((0.04, 0.065, 0.12), (0.1, 0.055, 0.1), (0.155, 0.043, 0.095))
    for up, half, tall in tiers:
        base = foot - up * scale
        brush.polygon([(x - half * scale, base), (x, base - tall * scale), (x + half * scale, base)], leaf)
    if ground is Ground.SNOW:
        base = foot - 0.172 * scale
        brush.polygon([(x - 0.033 * scale, base), (x, base - 0.078 * scale), (x + 0.033 * scale, base)], SNOWCAP)


def _round_tree(brush: Brush, crown: RGB, x: float, foot: float, scale: float) -> None:
    brush.box(x - 0.013, foot - 0.12 * scale, x + 0.013, foot, TRUNK)
    shade = mix(crown, DARK, 0.16)
    middle = foot - 0.17 * scale
    for dx, dy, r, fill in ((0.0, 0.008, 0.064, shade), (-0.016, -0.02, 0.05, crown), (0.014, -0.036, 0.046, crown)):
        brush.circle(x + dx * scale, middle + dy * scale, r * scale, fill)


def _cactus(brush: Brush, rng: random.Random, x: float, foot: float, scale: float) -> None:
    green = CACTUS[brush.time]
    turn = rng.choice((-1, 1))
    top = foot - 0.2 * scale
    brush.box(x - 0.022, top, x + 0.022, foot, green)
    brush.circle(x, top, 0.022, green)
    for side, height, rise in ((turn, 0.075, 0.07), (-turn, 0.105, 0.06)):
        elbow, level = x + side * 0.05, foot - height * scale
        brush.box(min(x, elbow), level - 0.015, max(x, elbow), level + 0.015, green)
        brush.box(elbow - 0.015, level - rise, elbow + 0.015, level + 0.015, green)
        brush.circle(elbow, level - rise, 0.015, green)


def draw_boat(brush: Brush, colour: Colour, x: float, line: float) -> None:
    """A sailing boat whose hull meets the water at height `line`."""
    hull, sail, water = PAINT[colour], SAIL[brush.time], LAND[Ground.SEA, brush.time][2]
    deck = line - 0.08
    shadow = mix(mix(hull, water, 0.45), DARK, 0.35)
    for i, half in enumerate((0.1, 0.08, 0.055)):
        brush.box(x - half, line + 0.012 + i * 0.022, x + half, line + 0.022 + i * 0.022, shadow)
    brush.polygon([(x - 0.012, deck - 0.27), (x - 0.012, deck - 0.02), (x - 0.115, deck - 0.02)], mix(sail, DARK, 0.1))
    brush.polygon([(x + 0.01, deck - 0.25), (x + 0.01, deck - 0.02), (x + 0.125, deck - 0.02)], sail)
    brush.box(x - 0.008, deck - 0.29, x + 0.008, deck, DARK)
    brush.polygon([(x - 0.15, deck), (x + 0.15, deck), (x + 0.115, line + 0.012), (x - 0.115, line + 0.012)], hull)
    brush.box(x - 0.155, deck - 0.008, x + 0.155, deck + 0.008, SAIL[Time.DAY])


def draw_lighthouse(brush: Brush, rng: random.Random, side: Side, horizon: float) -> None:
    """A red and white lighthouse on a headland that reaches in from one edge."""

    def across(value: float) -> float:
        return value if side is Side.LEFT else 1 - value

    x = across(rng.uniform(0.2, 0.28))
    foot = horizon + 0.18
    tall, bottom, top = 0.4, 0.058, 0.04
    for i in range(5):
        low, high = i / 5, (i + 1) / 5
        wide, narrow = (bottom + (top - bottom) * share for share in (low, high))
        y, up = foot - tall * low, foot - tall * high
        brush.polygon([(x - wide, y), (x + wide, y), (x + narrow, up), (x - narrow, up)], STRIPE[i % 2])
    head = foot - tall
    brush.box(x - 0.055, head - 0.012, x + 0.055, head + 0.006, DARK)
    brush.box(x - 0.03, head - 0.062, x + 0.03, head - 0.012, PANE[Time.NIGHT])
    brush.polygon([(x - 0.044, head - 0.062), (x, head - 0.115), (x + 0.044, head - 0.062)], DARK)
    rise = rng.uniform(-0.01, 0.02)
    slope = [(-0.02, 0.14), (0.1, 0.15), (0.2, 0.165), (0.32, 0.18), (0.42, 0.23), (0.5, 0.31), (0.56, 0.42)]
    shore = [(across(u), horizon + v + rise) for u, v in slope]
    brush.polygon([(across(-0.02), 1.02), *shore, (across(0.6), 1.02)], HEADLAND[brush.time])
