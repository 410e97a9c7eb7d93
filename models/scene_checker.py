"""The checker's eyes for landscapes: the land and everything that stands on it or sails past it."""

from dataclasses import dataclass

import numpy as np

from models.palette import (
    CACTUS,
    CROWN,
    DARK,
    HEADLAND,
    LAND,
    MOUNTAIN,
    PAINT,
    RAINY_MOUNTAIN,
    RGB,
    SAIL,
    SEASON,
    SKY,
    STRIPE,
    TREE,
    TRUNK,
    house,
    land,
    mix,
)
from models.sky_checker import check_sky, seen_time, side_of
from models.vision import Blob, Mask, Pixels, between, blobs, eroded, long_runs, near, nearest
from models.world import Colour, Ground, Scene, Season, Time, Weather

# Rows, as shares of the height, in which things can be.
MOUNTAIN_ROWS = (0.3, 0.51)
LAND_ROWS = (0.48, 1.0)
HOUSE_ROWS = (0.5, 1.0)
FOREGROUND_ROWS = (0.83, 1.0)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A thing that was found: its colour and the middle of it, across, as a share of the width."""

    colour: Colour
    across: float


def check_scene(pixels: Pixels, scene: Scene) -> dict[str, bool]:
    """Each attribute that `scene` settles, and whether the pixels show it."""
    time = scene.time
    verdict = {"time": seen_time(pixels) is time, "ground": _ground(pixels, time) is scene.ground}
    if scene.ground is Ground.HILLS and time is Time.DAY:
        verdict["season"] = _season(pixels) is scene.season
        verdict["flowers"] = _has_flowers(pixels, scene) == scene.flowers
    verdict |= check_sky(pixels, scene)
    verdict["mountains"] = _has_mountains(pixels, scene) == scene.mountains

    houses = _houses(pixels, scene)
    _judge(verdict, "house", houses, scene.house)
    if scene.ground is Ground.SEA:
        _judge(verdict, "boat", _boats(pixels, time), scene.boat)
        towers = _lighthouses(pixels)
        verdict["lighthouse"] = len(towers) == int(scene.lighthouse)
        if scene.lighthouse_side:
            verdict["lighthouse side"] = len(towers) == 1 and side_of(towers[0]) is scene.lighthouse_side
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
        verdict[f"{name} side"] = len(found) == 1 and side_of(found[0].across) is side


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
            seasons = SEASON.values() if ground is Ground.HILLS and time is Time.DAY else ()
            options = [*stops, *(np.array(stop, dtype=float) for each in seasons for stop in each)]
        off = np.min([np.abs(lower - option).sum(axis=2) for option in options], axis=0)
        return float(off.clip(max=60).mean())

    return min(Ground, key=distance)


def _season(pixels: Pixels) -> Season:
    """The season whose hills the picture's lower part is nearest to."""
    lower = pixels[round(0.6 * len(pixels)) :].astype(float)

    def distance(season: Season) -> float:
        off = np.min([np.abs(lower - np.array(stop)).sum(axis=2) for stop in SEASON[season]], axis=0)
        return float(off.clip(max=60).mean())

    return min(Season, key=distance)


def _has_flowers(pixels: Pixels, scene: Scene) -> bool:
    """Whether there are spots in the foreground that are not of its own green."""
    lower = pixels[round(FOREGROUND_ROWS[0] * len(pixels)) :].astype(float)
    green = np.array(SEASON[scene.season][2], dtype=float)
    # Petals have more red than any leaf; in front of the nearest hill there is nothing else.
    spots = (np.abs(lower - green).sum(axis=2) > 90) & (lower[..., 0] > green[0] + 45)
    return len(blobs(spots, 5)) >= 5


def _has_mountains(pixels: Pixels, scene: Scene) -> bool:
    far, close = _mountain_colours(scene)
    colours = [far, mix(far, close, 0.5), close]
    reach = 11 if scene.time is Time.NIGHT else 16
    return int(between(near(pixels, colours, reach), *MOUNTAIN_ROWS).sum()) >= 220


def _mountain_colours(scene: Scene) -> tuple[RGB, RGB]:
    return RAINY_MOUNTAIN if scene.weather is Weather.RAIN else MOUNTAIN[scene.time]


def _houses(pixels: Pixels, scene: Scene) -> list[Found]:
    """Every wide roof with a wall of its colour under it."""
    roofs = {colour: house(colour).roof for colour in Colour}
    others = (
        *land(scene.ground, scene.time, scene.season),
        SKY[scene.time][-1],
        *_mountain_colours(scene),
        *_green(scene),
        DARK,
    )
    labels = nearest(pixels, [*roofs.values(), *PAINT.values(), *others])
    found = []
    for number, colour in enumerate(roofs):
        # Eroded, because a wall's own edge against a dark night has the colour of its roof.
        for roof in blobs(eroded(between(labels == number, *HOUSE_ROWS)), 40):
            rows = roof.mask.sum(axis=1)
            eaves = roof.top + int(rows.argmax())
            wall = labels[eaves + 3 : eaves + 14, roof.left + 3 : roof.left + roof.width - 3] == number + len(roofs)
            if 18 <= roof.width <= 66 and wall.size and wall.mean() > 0.3:
                found.append(Found(colour=colour, across=roof.centre[0] / len(pixels)))
    return found


def _green(scene: Scene) -> tuple[RGB, ...]:
    """The colours of what grows."""
    if scene.season is not Season.SUMMER:
        crown = CROWN[scene.season]
        return crown, mix(crown, DARK, 0.16)
    return (CACTUS[scene.time],) if scene.ground is Ground.DESERT else (TREE[scene.time],)


def _tree_count(pixels: Pixels, scene: Scene) -> int:
    others = (*land(scene.ground, scene.time, scene.season), *_mountain_colours(scene), DARK, TRUNK)
    roofs = [house(colour).roof for colour in Colour]
    labels = nearest(pixels, [*_green(scene), *others, *PAINT.values(), *roofs])
    count = 0
    # Above the flowers, which have a blossoming tree's colours.
    for blob in blobs(between(labels < len(_green(scene)), LAND_ROWS[0], FOREGROUND_ROWS[0]), 45):
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
            if 5 <= hull.height <= 18 and near(above, [SAIL[time]], 36).sum() > 90:
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
