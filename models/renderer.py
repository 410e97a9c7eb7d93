"""Draws a picture of the world with Pillow.

Everything is drawn at twice the asked size and scaled down, which is cheaper than anti-aliasing and as smooth. What a
picture leaves open is drawn from the generator that the caller passes, so equal generators draw equal pictures.
"""

import random

import numpy as np
from PIL import Image, ImageDraw

from models.forms import draw_form
from models.landscape import draw_scene
from models.palette import BACKDROP, PAINT, RGB, mix
from models.world import Pair, Picture, Place, Relation, Scene, Several, Shape, Single, Size

RADIUS = {Size.SMALL: 0.115, Size.MEDIUM: 0.19, Size.BIG: 0.33}
STEP = 0.25  # from the centre to the middle of an outer place, as a share of the width


def render(picture: Picture, rng: random.Random, size: int = 128) -> Image.Image:
    """Draw `picture` as an RGB image of `size` × `size` pixels."""
    side = size * 2
    if isinstance(picture, Scene):
        canvas = draw_scene(picture, rng, side)
    else:
        backdrop = BACKDROP[picture.background]
        canvas = gradient((mix(backdrop, (255, 255, 255), 0.06), mix(backdrop, (0, 0, 0), 0.06)), side)
        draw = ImageDraw.Draw(canvas)
        for shape, x, y, r in layout(picture, rng):
            draw_form(draw, shape.form, (x * side, y * side), r * side, PAINT[shape.colour])
    return canvas.reduce(2)


def layout(picture: Single | Several | Pair, rng: random.Random) -> list[tuple[Shape, float, float, float]]:
    """Where the shapes go: each with its centre and half width as shares of the picture's width."""

    def near(value: float, reach: float = 0.02) -> float:
        return value + rng.uniform(-reach, reach)

    match picture:
        case Single():
            across = {"left": -STEP, "right": STEP}
            down = {"top": -STEP, "bottom": STEP}
            words = picture.place.value.split() if picture.place is not Place.CENTRE else []
            x = 0.5 + sum(across.get(word, 0.0) for word in words)
            y = 0.5 + sum(down.get(word, 0.0) for word in words)
            return [(picture.shape, near(x), near(y), RADIUS[picture.size] * rng.uniform(0.94, 1.06))]
        case Several():
            gap, r = (0.42, 0.17) if picture.count == 2 else (0.305, 0.128)
            start = 0.5 - gap * (picture.count - 1) / 2
            r *= rng.uniform(0.95, 1.05)
            return [(picture.shape, near(start + gap * i, 0.01), near(0.5), r) for i in range(picture.count)]
        case Pair():
            r = 0.17 * rng.uniform(0.95, 1.05)
            low, high = 0.28, 0.72
            first, second = (low, high) if picture.relation in (Relation.LEFT_OF, Relation.ABOVE) else (high, low)
            if picture.relation in (Relation.LEFT_OF, Relation.RIGHT_OF):
                return [(picture.first, near(first), near(0.5), r), (picture.second, near(second), near(0.5), r)]
            return [(picture.first, near(0.5), near(first), r), (picture.second, near(0.5), near(second), r)]


def gradient(stops: tuple[RGB, ...], side: int) -> Image.Image:
    """A vertical gradient through `stops`, `side` pixels wide and high."""
    at = np.linspace(0, 1, len(stops))
    rows = np.linspace(0, 1, side)
    column = np.stack([np.interp(rows, at, [stop[c] for stop in stops]) for c in range(3)], axis=-1)
    strip = Image.fromarray(np.round(column).astype(np.uint8)[:, None, :], "RGB")
    return strip.resize((side, side), Image.Resampling.NEAREST)
