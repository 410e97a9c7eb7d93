"""Draws scenes: a sky, its light, the land in layers, and what stands on it.

Coordinates are shares of the picture's width, the origin in the top left corner. Things are drawn from the far to the
near, so that nearer ones hide what is behind them.
"""

import math
import random
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from models.palette import CLOUD, GLOW, LAND, LIGHT, MOUNTAIN, RGB, SKY, STAR, mix
from models.things import Brush, draw_boat, draw_house, draw_lighthouse, draw_tree
from models.world import Ground, Scene, Side, Time

LIGHT_RADIUS = 0.085


def draw_scene(scene: Scene, rng: random.Random, side: int) -> Image.Image:
    """Draw `scene` as an RGB image of `side` × `side` pixels."""
    scene = _settled(scene, rng)
    horizon = rng.uniform(0.5, 0.55)
    light = _light_place(scene, rng, horizon) if scene.light else None
    canvas = _sky(scene.time, light, horizon, side)
    brush = Brush(draw=ImageDraw.Draw(canvas), side=side, time=scene.time)
    if scene.time is Time.NIGHT:
        _stars(brush, rng, light, horizon)
    if light:
        brush.circle(*light, LIGHT_RADIUS, LIGHT[scene.time])
    if scene.clouds:
        _clouds(brush, rng, light)
    if scene.mountains:
        _mountains(brush, rng, horizon)
    if scene.ground is Ground.SEA:
        _water(canvas, brush, horizon)
        if light:
            _glitter(brush, rng, light[0], horizon)
        _afloat(brush, scene, rng, horizon)
    else:
        _land(brush, scene, rng, horizon)
    return canvas


def _settled(scene: Scene, rng: random.Random) -> Scene:
    """The scene with a side for its lighthouse, where it has one whose side was left open."""
    if not scene.lighthouse or scene.lighthouse_side:
        return scene
    taken = scene.boat.side if scene.boat and scene.boat.side else scene.light_side
    return replace(scene, lighthouse_side=taken.other if taken else rng.choice(list(Side)))


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
        above = 0.24 if scene.boat else 0.2 if scene.mountains else 0.12
        return x, horizon - above - rng.uniform(0.0, 0.05)
    return x, rng.uniform(0.15, 0.22)


def _sky(time: Time, light: tuple[float, float] | None, horizon: float, side: int) -> Image.Image:
    """The sky's gradient with the light's soft glow, worked out small and scaled up."""
    small = 64
    stops = SKY[time]
    rows = np.linspace(0, 1 / (horizon + 0.06), small)
    at = np.linspace(0, 1, len(stops))
    column = np.stack([np.interp(rows, at, [stop[c] for stop in stops]) for c in range(3)], axis=-1)
    sky = np.broadcast_to(column[:, None, :], (small, small, 3))
    if light:
        grid = (np.arange(small) + 0.5) / small
        distance = np.hypot(grid[None, :] - light[0], grid[:, None] - light[1])
        share = (0.75 * np.exp(-(((distance - LIGHT_RADIUS).clip(0) / 0.16) ** 1.2)))[..., None]
        sky = sky * (1 - share) + np.array(GLOW[time]) * share
    pixels = Image.fromarray(np.round(sky).astype(np.uint8), "RGB")
    return pixels.resize((side, side), Image.Resampling.BILINEAR)


def _stars(brush: Brush, rng: random.Random, light: tuple[float, float] | None, horizon: float) -> None:
    for _ in range(26):
        x, y = rng.uniform(0.02, 0.98), rng.uniform(0.02, horizon - 0.1)
        if not light or math.hypot(x - light[0], y - light[1]) > LIGHT_RADIUS + 0.06:
            brush.circle(x, y, rng.choice((0.005, 0.005, 0.008)), STAR)


def _clouds(brush: Brush, rng: random.Random, light: tuple[float, float] | None) -> None:
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


def _mountains(brush: Brush, rng: random.Random, horizon: float) -> None:
    far, near = MOUNTAIN[brush.time]
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
    at = np.linspace(0, 1, len(stops))
    rows = np.linspace(0, 1, side - top)
    column = np.stack([np.interp(rows, at, [stop[c] for stop in stops]) for c in range(3)], axis=-1)
    strip = Image.fromarray(np.round(column).astype(np.uint8)[:, None, :], "RGB")
    canvas.paste(strip.resize((side, side - top), Image.Resampling.NEAREST), (0, top))


def _afloat(brush: Brush, scene: Scene, rng: random.Random, horizon: float) -> None:
    """The lighthouse on its headland, and the boat in the half that is left."""
    if scene.lighthouse_side:
        draw_lighthouse(brush, rng, scene.lighthouse_side, horizon)
    if scene.boat:
        away = scene.lighthouse_side.other if scene.lighthouse_side else None
        where = scene.boat.side or away or rng.choice(list(Side))
        x = rng.uniform(0.24, 0.34) if where is Side.LEFT else rng.uniform(0.66, 0.76)
        draw_boat(brush, scene.boat.colour, x, rng.uniform(0.72, 0.78))


def _glitter(brush: Brush, rng: random.Random, x: float, horizon: float) -> None:
    """The light's path on the water: short strokes, wider towards the viewer."""
    colour = mix(LIGHT[brush.time], LAND[Ground.SEA, brush.time][1], 0.2)
    y, row = horizon + 0.025, 0
    while y < 0.97:
        reach = 0.02 + 0.1 * (y - horizon)
        centre = x + rng.uniform(-1, 1) * reach * 0.8
        half = reach * rng.uniform(0.7, 1.3)
        brush.box(centre - half, y, centre + half, y + 0.011, colour)
        y += 0.03 + 0.004 * row
        row += 1


def _land(brush: Brush, scene: Scene, rng: random.Random, horizon: float) -> None:
    colours = LAND[scene.ground, scene.time]
    swing = 0.045 if scene.ground is Ground.DESERT else 0.03
    for i, colour in enumerate(colours):
        base = horizon + 0.03 + i * 0.155
        _wave(brush, rng, base, swing, colour)
        if i == 1:
            _stand(brush, scene, rng, base)


def _wave(brush: Brush, rng: random.Random, base: float, swing: float, colour: RGB) -> None:
    phase, other = rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * math.pi)
    points = [(-0.02, 1.02)]
    for i in range(33):
        x = i / 32
        height = math.sin(2 * math.pi * x * 0.9 + phase) + 0.45 * math.sin(2 * math.pi * x * 1.9 + other)
        points.append((-0.02 + x * 1.04, base - swing * height * 0.8))
    points.append((1.02, 1.02))
    brush.polygon(points, colour)


def _stand(brush: Brush, scene: Scene, rng: random.Random, base: float) -> None:
    """Put the house and the trees on the middle layer, the trees where the house leaves room."""
    foot = base + 0.085
    taken: list[tuple[float, float]] = []
    if scene.house:
        side = scene.house.side or rng.choice(list(Side))
        x = rng.uniform(0.24, 0.34) if side is Side.LEFT else rng.uniform(0.66, 0.76)
        taken.append((x, 0.225))
        draw_house(brush, scene.house.colour, x, foot)
    slots = [0.1, 0.26, 0.42, 0.58, 0.74, 0.9]
    rng.shuffle(slots)
    free = [x for x in slots if all(abs(x - other) > room for other, room in taken)][: scene.trees]
    for x in sorted(free):
        draw_tree(brush, rng, scene.ground, x + rng.uniform(-0.008, 0.008), foot + rng.uniform(-0.01, 0.03))
