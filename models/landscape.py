"""Draws scenes: a sky, its light, the land in layers, and what stands on it.

Coordinates are shares of the picture's width, the origin in the top left corner. Things are drawn from the far to the
near, so that nearer ones hide what is behind them.
"""

import math
import random
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.palette import (
    BIRD,
    CLOUD,
    GLOW,
    LAND,
    LIGHT,
    MOUNTAIN,
    PETALS,
    RAINBOW,
    RAINDROP,
    RAINY,
    RAINY_MOUNTAIN,
    RGB,
    SKY,
    STAR,
    land,
    mix,
)
from models.things import Brush, draw_boat, draw_house, draw_lighthouse, draw_tree
from models.world import Ground, Scene, Side, Time, Weather

LIGHT_RADIUS = 0.085
RAINBOW_RADIUS, RAINBOW_WIDTH = 0.36, 0.13  # the inner edge, and from there to the outer one

# Where the trees stand, across, by how many there are: with the house in the left half, and with no house. Fixed but
# for a little chance, because a count can only be learned where a picture with one tree more looks different.
BESIDE_A_HOUSE = {1: (0.77,), 2: (0.66, 0.87), 3: (0.62, 0.77, 0.92)}
ALONE = {1: (0.5,), 2: (0.34, 0.66), 3: (0.22, 0.5, 0.78)}


def draw_scene(scene: Scene, rng: random.Random, side: int) -> Image.Image:
    """Draw `scene` as an RGB image of `side` × `side` pixels."""
    scene = _settled(scene, rng)
    horizon = rng.uniform(0.5, 0.55)
    light = _light_place(scene, rng, horizon) if scene.light else None
    canvas = _sky(scene, rng, light, horizon, side)
    brush = Brush(draw=ImageDraw.Draw(canvas), side=side, time=scene.time)
    if scene.time is Time.NIGHT:
        _stars(brush, rng, light, horizon)
    if light:
        brush.circle(*light, LIGHT_RADIUS, LIGHT[scene.time])
    if scene.weather is Weather.CLOUDS:
        draw_clouds(brush, rng, light)
    if scene.weather is Weather.RAIN:
        _rain(brush, rng, horizon)
    if scene.birds:
        _birds(brush, rng, light)
    if scene.mountains:
        _mountains(brush, rng, horizon, RAINY_MOUNTAIN if scene.weather is Weather.RAIN else MOUNTAIN[scene.time])
    if scene.ground is Ground.SEA:
        _water(canvas, brush, horizon)
        if light:
            _glitter(brush, rng, light[0], horizon)
        _afloat(brush, scene, rng, horizon)
    else:
        _land(canvas, brush, scene, rng, horizon)
        if scene.flowers:
            _flowers(brush, rng)
    return canvas


def _settled(scene: Scene, rng: random.Random) -> Scene:
    """The scene with a side for the house or the lighthouse whose side was left open.

    It is always the same side, as far as nothing else is in the way: were it either of two, the denoiser would often
    begin one in both and leave two of them, one of them pale.
    """
    if scene.house and scene.house.side is None:
        return replace(scene, house=replace(scene.house, side=Side.LEFT))
    if scene.lighthouse and scene.lighthouse_side is None:
        taken = scene.boat.side if scene.boat and scene.boat.side else scene.light_side
        return replace(scene, lighthouse_side=taken.other if taken else Side.LEFT)
    return scene


def _light_place(scene: Scene, rng: random.Random, horizon: float) -> tuple[float, float]:
    match scene.light_side:
        case Side.LEFT:
            x = rng.uniform(0.18, 0.34)
        case Side.RIGHT:
            x = rng.uniform(0.66, 0.82)
        case None:
            # Where nothing is said the light keeps clear of a lighthouse.
            left = 0.45 if scene.lighthouse_side is Side.LEFT else 0.2
            right = 0.55 if scene.lighthouse_side is Side.RIGHT else 0.8
            x = rng.uniform(left, right)
    if scene.time is Time.SUNSET:
        above = 0.26 if scene.boat else 0.2 if scene.mountains else 0.13
        return x, horizon - above - rng.uniform(0.0, 0.05)
    return x, rng.uniform(0.15, 0.22)


def _sky(scene: Scene, rng: random.Random, light: tuple[float, float] | None, horizon: float, side: int) -> Image.Image:
    """The sky's gradient with the light's soft glow or a rainbow, worked out small and scaled up."""
    small = 64 if scene.weather is not Weather.RAINBOW else 128
    stops = RAINY if scene.weather is Weather.RAIN else SKY[scene.time]
    sky = _through(stops, np.linspace(0, 1 / (horizon + 0.06), small))[:, None, :].repeat(small, axis=1)
    grid = (np.arange(small) + 0.5) / small
    if light:
        distance = np.hypot(grid[None, :] - light[0], grid[:, None] - light[1])
        share = (0.75 * np.exp(-(((distance - LIGHT_RADIUS).clip(0) / 0.16) ** 1.2)))[..., None]
        sky = sky * (1 - share) + np.array(GLOW[scene.time]) * share
    if scene.weather is Weather.RAINBOW:
        x = 0.5 + rng.uniform(-0.05, 0.05)
        distance = np.hypot(grid[None, :] - x, grid[:, None] - horizon - 0.02)
        across = (RAINBOW_RADIUS + RAINBOW_WIDTH - distance) / RAINBOW_WIDTH
        share = (0.85 * (np.minimum(across, 1 - across) / 0.12).clip(0, 1))[..., None]
        sky = sky * (1 - share) + _through(RAINBOW, across.clip(0, 1)) * share
    pixels = Image.fromarray(np.round(sky).astype(np.uint8), "RGB")
    return pixels.resize((side, side), Image.Resampling.BILINEAR)


def _through(stops: tuple[RGB, ...], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The colours at the places `at` of a gradient through `stops`, 0 its beginning and 1 its end: `at`'s shape × 3."""
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(at, places, [stop[c] for stop in stops]) for c in range(3)], axis=-1)


def _stars(brush: Brush, rng: random.Random, light: tuple[float, float] | None, horizon: float) -> None:
    for _ in range(20):
        x, y = rng.uniform(0.02, 0.98), rng.uniform(0.02, horizon - 0.1)
        if not light or math.hypot(x - light[0], y - light[1]) > LIGHT_RADIUS + 0.06:
            brush.circle(x, y, rng.choice((0.008, 0.01, 0.013)), STAR)


def _rain(brush: Brush, rng: random.Random, horizon: float) -> None:
    """Slanting drops before the sky, in loose rows so that no part of it is empty."""
    for row in range(4):
        for column in range(9):
            x = (column + 0.5 * (row % 2) + rng.uniform(0.1, 0.5)) / 9
            y = (row + rng.uniform(0.0, 0.5)) * horizon / 4
            s = brush.side
            ends = (x * s, y * s, (x - 0.025) * s, (y + 0.075) * s)
            brush.draw.line(ends, fill=RAINDROP, width=round(0.013 * s))


def _birds(brush: Brush, rng: random.Random, light: tuple[float, float] | None) -> None:
    """Three birds in the half of the sky that the light leaves free."""
    middle = 0.3 if light and light[0] >= 0.5 else 0.7
    for dx, dy in ((-0.15, 0.03), (0.0, -0.06), (0.14, 0.04)):
        x, y = middle + dx + rng.uniform(-0.015, 0.015), 0.2 + dy + rng.uniform(-0.015, 0.015)
        wings = [(x - 0.062, y - 0.028), (x - 0.03, y - 0.034), (x, y), (x + 0.03, y - 0.034), (x + 0.062, y - 0.028)]
        under = [(x + 0.032, y - 0.012), (x, y + 0.022), (x - 0.032, y - 0.012)]
        brush.polygon([*wings, *under], BIRD[brush.time])


def draw_clouds(brush: Brush, rng: random.Random, light: tuple[float, float] | None) -> None:
    """One or two clouds beside the light, never over it."""
    centres = [0.24, 0.76] if not light else [0.75 if light[0] < 0.5 else 0.25]
    for centre in centres:
        x = centre + rng.uniform(-0.05, 0.05)
        y = rng.uniform(0.14, 0.24)
        scale = rng.uniform(0.9, 1.15)
        for dx, dy, r in ((-0.075, 0.012, 0.038), (-0.015, -0.02, 0.056), (0.055, 0.0, 0.046)):
            brush.circle(x + dx * scale, y + dy * scale, r * scale, CLOUD[brush.time])
        brush.box(x - 0.075 * scale, y + 0.008 * scale, x + 0.06 * scale, y + 0.05 * scale, CLOUD[brush.time])
        brush.circle(x + 0.08 * scale, y + 0.022 * scale, 0.028 * scale, CLOUD[brush.time])


def _mountains(brush: Brush, rng: random.Random, horizon: float, colours: tuple[RGB, RGB]) -> None:
    far, near = colours
    for colour, low, high, count in ((far, 0.1, 0.19, 4), (near, 0.05, 0.12, 5)):
        points = [(-0.1, horizon + 0.1)]
        shift = rng.uniform(-0.08, 0.08)
        for i in range(count + 1):
            x = i / count + shift
            points.append((x - 0.5 / count + rng.uniform(-0.03, 0.03), horizon - rng.uniform(0.0, 0.04)))
            points.append((x + rng.uniform(-0.03, 0.03), horizon - rng.uniform(low, high)))
        points += [(1.1, horizon), (1.1, horizon + 0.1)]
        brush.polygon(points, colour)


def _water(canvas: Image.Image, brush: Brush, horizon: float) -> None:
    """The sea's gradient from the horizon down."""
    stops = LAND[Ground.SEA, brush.time]
    top, side = round(horizon * brush.side), brush.side
    column = _through(stops, np.linspace(0, 1, side - top))
    strip = Image.fromarray(np.round(column).astype(np.uint8)[:, None, :], "RGB")
    canvas.paste(strip.resize((side, side - top), Image.Resampling.NEAREST), (0, top))


def _afloat(brush: Brush, scene: Scene, rng: random.Random, horizon: float) -> None:
    """The lighthouse on its headland, and the boat in the half that is left."""
    if scene.lighthouse_side:
        draw_lighthouse(brush, rng, scene.lighthouse_side, horizon)
    if scene.boat:
        away = scene.lighthouse_side.other if scene.lighthouse_side else None
        where = scene.boat.side or away
        x = 0.5 + {Side.LEFT: -0.22, Side.RIGHT: 0.22, None: 0.0}[where] + rng.uniform(-0.05, 0.05)
        draw_boat(brush, scene.boat.colour, x, rng.uniform(0.72, 0.78))


def _glitter(brush: Brush, rng: random.Random, x: float, horizon: float) -> None:
    """The light's path on the water: short strokes, wider towards the viewer."""
    colour = mix(LIGHT[brush.time], LAND[Ground.SEA, brush.time][1], 0.2)
    y, row = horizon + 0.025, 0
    while y < 0.97:
        reach = 0.02 + 0.1 * (y - horizon)
        centre = x + rng.uniform(-1, 1) * reach * 0.8
        half = reach * rng.uniform(0.7, 1.3)
        brush.box(centre - half, y, centre + half, y + 0.015, colour)
        y += 0.036 + 0.004 * row
        row += 1


def _land(canvas: Image.Image, brush: Brush, scene: Scene, rng: random.Random, horizon: float) -> None:
    """Three waves of land, each a little lighter along its top, with what stands on the middle one."""
    swing = 0.045 if scene.ground is Ground.DESERT else 0.03
    for i, colour in enumerate(land(scene.ground, scene.time, scene.season)):
        base = horizon + 0.03 + i * 0.155
        _wave(canvas, rng, base, swing, colour)
        if i == 1:
            _stand(brush, scene, rng, base)


def _wave(canvas: Image.Image, rng: random.Random, base: float, swing: float, colour: RGB) -> None:
    phase, other = rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * math.pi)
    points = [(-0.02, 1.02)]
    for i in range(33):
        x = i / 32
        height = math.sin(2 * math.pi * x * 0.9 + phase) + 0.45 * math.sin(2 * math.pi * x * 1.9 + other)
        points.append((-0.02 + x * 1.04, base - swing * height * 0.8))
    points.append((1.02, 1.02))
    side = canvas.width
    top = max(0, round((base - 1.2 * swing) * side))
    shape = Image.new("L", (side, side - top))
    ImageDraw.Draw(shape).polygon([(x * side, y * side - top) for x, y in points], fill=255)
    light, dark = mix(colour, (255, 255, 255), 0.1), mix(colour, (0, 0, 0), 0.03)
    # Twice the dark end, so that the light stays along the top.
    column = _through((light, colour, dark, dark), np.linspace(0, 1, side - top))
    strip = Image.fromarray(np.round(column).astype(np.uint8)[:, None, :], "RGB")
    canvas.paste(strip.resize(shape.size, Image.Resampling.NEAREST), (0, top), shape)


def _stand(brush: Brush, scene: Scene, rng: random.Random, base: float) -> None:
    """Put the house and the trees on the middle layer, the trees where the house leaves room."""
    foot = base + 0.085
    slots = ALONE if scene.house is None else BESIDE_A_HOUSE
    mirrored = scene.house is not None and scene.house.side is Side.RIGHT
    if scene.house:
        x = rng.uniform(0.22, 0.31)
        draw_house(brush, scene.house.colour, 1 - x if mirrored else x, foot)
    for slot in slots.get(scene.trees, ()):
        x = 1 - slot if mirrored else slot
        reach = 0.01 if scene.house else 0.04
        draw_tree(brush, rng, scene, x + rng.uniform(-reach, reach), foot + rng.uniform(-0.01, 0.03))


def _flowers(brush: Brush, rng: random.Random) -> None:
    """Blossoms all over the foreground, in loose rows."""
    for row in range(3):
        for column in range(8):
            x = (column + 0.5 * (row % 2) + rng.uniform(0.1, 0.5)) / 8
            y = 0.865 + row * 0.05 + rng.uniform(-0.008, 0.008)
            brush.circle(x, y, 0.018 + 0.003 * row, rng.choice(PETALS))
