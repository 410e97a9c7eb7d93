"""The checker's eyes for landscapes: sky, land, and everything that stands in them."""

from dataclasses import dataclass

import numpy as np

from models.palette import (
    CACTUS,
    CLOUD,
    DARK,
    HEADLAND,
    LAND,
    LIGHT,
    MOUNTAIN,
    PAINT,
    RGB,
    SAIL,
    SKY,
    STRIPE,
    TREE,
    TRUNK,
    house,
    mix,
)
from models.vision import Blob, Mask, Pixels, between, blobs, eroded, long_runs, near, nearest
from models.world import Colour, Ground, Scene, Side, Time

# Rows, as shares of the height, in which things can be.
ABOVE_THE_HORIZON = (0.04, 0.48)
CLOUD_ROWS = (0.05, 0.31)
MOUNTAIN_ROWS = (0.3, 0.51)
LAND_ROWS = (0.48, 1.0)
HOUSE_ROWS = (0.52, 1.0)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A thing that was found: its colour and the middle of it, across, as a share of the width."""

    colour: Colour
    across: float


def check_scene(pixels: Pixels, scene: Scene) -> dict[str, bool]:
    """Each attribute that `scene` settles, and whether the pixels show it."""
    time = scene.time
    verdict = {"time": _time(pixels) is time, "ground": _ground(pixels, time) is scene.ground}

    lights = _lights(pixels, time)
    verdict["light"] = len(lights) == int(scene.light)
    if scene.light_side:
        verdict["light side"] = len(lights) == 1 and _side(lights[0].centre[0] / len(pixels)) is scene.light_side
    if time is not Time.NIGHT:
        verdict["clouds"] = bool(_clouds(pixels, time)) == scene.clouds
    verdict["mountains"] = _has_mountains(pixels, time) == scene.mountains

    houses = _houses(pixels, scene)
    _judge(verdict, "house", houses, scene.house)
    if scene.ground is Ground.SEA:
        _judge(verdict, "boat", _boats(pixels, time), scene.boat)
        towers = _lighthouses(pixels)
        verdict["lighthouse"] = len(towers) == int(scene.lighthouse)
        if scene.lighthouse_side:
            verdict["lighthouse side"] = len(towers) == 1 and _side(towers[0]) is scene.lighthouse_side
    else:
        verdict["trees"] = _tree_count(pixels, scene) == scene.trees
    return verdict


def _judge(verdict: dict[str, bool], name: str, found: list[Found], wanted: object) -> None:
    """Number, colour and side of something there is at most one of."""
    verdict[name] = len(found) == (0 if wanted is None else 1)
    colour, side = getattr(wanted, "colour", None), getattr(wanted, "side", None)
    if colour:
        verdict[f"{name} colour"] = len(found) == 1 and found[0].colour is colour
    if side:
        verdict[f"{name} side"] = len(found) == 1 and _side(found[0].across) is side


def _side(across: float) -> Side:
    return Side.LEFT if across < 0.5 else Side.RIGHT


def _time(pixels: Pixels) -> Time:
    """The time whose sky the middle of each row is nearest to."""
    rows = np.median(pixels[:52], axis=1)

    def distance(time: Time) -> float:
        stops = SKY[time]
        at = np.linspace(0, 1, len(stops))
        where = np.arange(52) / 128 / 0.585
        sky = np.stack([np.interp(where, at, [stop[c] for stop in stops]) for c in range(3)], axis=-1)
        return float(np.abs(rows - sky).mean())

    return min(Time, key=distance)


def _ground(pixels: Pixels, time: Time) -> Ground:
    """The land whose colours the picture's lower part is nearest to."""
    first = round(0.66 * len(pixels))
    lower = pixels[first:].astype(float)

    def distance(ground: Ground) -> float:
        stops = np.array(LAND[ground, time], dtype=float)
        if ground is Ground.SEA:
            # Every row of the sea has a colour of its own; a headland may hide some of it.
            depth = (np.arange(first, len(pixels)) / len(pixels) - 0.525) / 0.475
            rows = np.stack([np.interp(depth, (0, 0.5, 1), stops[:, c]) for c in range(3)], axis=-1)
            options = [rows[:, None, :], np.array(HEADLAND[time], dtype=float)]
        else:
            options = list(stops)
        off = np.min([np.abs(lower - option).sum(axis=2) for option in options], axis=0)
        return float(off.clip(max=60).mean())

    return min(Ground, key=distance)


def _lights(pixels: Pixels, time: Time) -> list[Blob]:
    """Every round thing in the sky that has the light's colour; the white stripes of a lighthouse are narrower."""
    found = blobs(between(near(pixels, [LIGHT[time]], 24), *ABOVE_THE_HORIZON), 80)
    return [blob for blob in found if blob.width >= 14 and blob.fill > 0.6 and blob.width / blob.height < 2.5]


def _clouds(pixels: Pixels, time: Time) -> list[Blob]:
    found = blobs(between(near(pixels, [CLOUD[time]], 20), *CLOUD_ROWS), 90)
    return [blob for blob in found if blob.width >= 14]


def _has_mountains(pixels: Pixels, time: Time) -> bool:
    far, close = MOUNTAIN[time]
    colours = [far, mix(far, close, 0.5), close]
    reach = 11 if time is Time.NIGHT else 16
    return int(between(near(pixels, colours, reach), *MOUNTAIN_ROWS).sum()) >= 220


def _houses(pixels: Pixels, scene: Scene) -> list[Found]:
    """Every wide roof with a wall of its colour under it."""
    roofs = {colour: house(colour).roof for colour in Colour}
    others = (*LAND[scene.ground, scene.time], SKY[scene.time][-1], *MOUNTAIN[scene.time], *_green(scene), DARK)
    labels = nearest(pixels, [*roofs.values(), *PAINT.values(), *others])
    found = []
    for number, colour in enumerate(roofs):
        # Eroded, because a wall's own edge against a dark night has the colour of its roof.
        for roof in blobs(eroded(between(labels == number, *HOUSE_ROWS)), 40):
            rows = roof.mask.sum(axis=1)
            eaves = roof.top + int(rows.argmax())
            wall = labels[eaves + 3 : eaves + 14, roof.left + 3 : roof.left + roof.width - 3] == number + len(roofs)
            if 16 <= roof.width <= 60 and wall.size and wall.mean() > 0.3:
                found.append(Found(colour=colour, across=roof.centre[0] / len(pixels)))
    return found


def _green(scene: Scene) -> tuple[RGB, ...]:
    return (CACTUS[scene.time],) if scene.ground is Ground.DESERT else (TREE[scene.time],)


def _tree_count(pixels: Pixels, scene: Scene) -> int:
    others = (*LAND[scene.ground, scene.time], *MOUNTAIN[scene.time], DARK, TRUNK)
    labels = nearest(pixels, [*_green(scene), *others, *PAINT.values()])
    count = 0
    for blob in blobs(between(labels == 0, *LAND_ROWS), 45):
        if blob.height >= 12 and blob.fill > 0.25 and not _of_a_house(pixels, blob):
            # Neighbours may touch; a tree alone is never wider than this.
            count += 1 if blob.width <= 24 else 2 if blob.width <= 42 else 3
    return count


def _of_a_house(pixels: Pixels, blob: Blob) -> bool:
    """Whether the blob is a door or a dark roof, which have a wall's paint beside or below them."""
    rows = slice(blob.top, blob.top + blob.height)
    # Snow is as white as a white wall, and so no sign of one; a white house has a slate roof anyway.
    paint = [colour for name, colour in PAINT.items() if name is not Colour.WHITE]
    below = pixels[blob.top + blob.height + 1 :, blob.left : blob.left + blob.width][:8]
    sides = (pixels[rows, max(blob.left - 4, 0) : blob.left], pixels[rows, blob.left + blob.width :][:, :4])
    walls = all(side.size and float(near(side, paint, 40).mean()) > 0.5 for side in sides)
    return walls or (bool(below.size) and float(near(below, paint, 40).mean()) > 0.4)


def _boats(pixels: Pixels, time: Time) -> list[Found]:
    """Every hull, which is longer than anything else of its colour, with a sail above it."""
    found = []
    for colour in Colour:
        hulls: Mask = long_runs(between(near(pixels, [PAINT[colour]], 36), 0.55, 0.85), 22)
        for hull in blobs(hulls, 90):
            above = pixels[max(hull.top - 30, 0) : hull.top - 2, hull.left : hull.left + hull.width]
            if 4 <= hull.height <= 14 and near(above, [SAIL[time]], 36).sum() > 90:
                found.append(Found(colour=colour, across=hull.centre[0] / len(pixels)))
    return found


def _lighthouses(pixels: Pixels) -> list[float]:
    """Where two red stripes stand over each other."""
    stripes = blobs(between(near(pixels, [STRIPE[1]], 36), 0.25, 0.8), 30)
    centres = sorted(blob.centre[0] for blob in stripes if 6 <= blob.width <= 18 and 5 <= blob.height <= 15)
    groups: list[list[float]] = []
    for centre in centres:
        if groups and centre - groups[-1][0] < 8:
            groups[-1].append(centre)
        else:
            groups.append([centre])
    return [sum(group) / len(group) / len(pixels) for group in groups if len(group) >= 2]
