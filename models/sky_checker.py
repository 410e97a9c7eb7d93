"""The checker's eyes for the sky: the time of day, sun or moon, weather and birds."""

import numpy as np

from models.palette import BIRD, CLOUD, LIGHT, RAINY, RGB, SKY
from models.vision import Blob, Pixels, between, blobs, near
from models.world import Scene, Side, Time, Weather

ABOVE_THE_HORIZON = (0.04, 0.48)
CLOUD_ROWS = (0.05, 0.31)
BIRD_ROWS = (0.04, 0.36)
SKY_ROWS = 52


def check_sky(pixels: Pixels, scene: Scene) -> dict[str, bool]:
    """Each attribute of the sky that `scene` settles, and whether the pixels show it."""
    lights = _lights(pixels, scene.time)
    verdict = {"light": len(lights) == int(scene.light)}
    if scene.light_side:
        verdict["light side"] = len(lights) == 1 and side_of(lights[0].centre[0] / len(pixels)) is scene.light_side
    if scene.time is not Time.NIGHT:
        verdict["weather"] = _weather(pixels, scene.time) is scene.weather
        verdict["birds"] = (_bird_count(pixels, scene.time) >= 2) == scene.birds
    return verdict


def seen_time(pixels: Pixels) -> Time:
    """The time whose sky the middle of each row is nearest to."""
    skies = [(time, stops) for time, stops in SKY.items()] + [(Time.DAY, RAINY)]
    return min(skies, key=lambda sky: _distance(pixels, sky[1]))[0]


def side_of(across: float) -> Side:
    """The half in which something stands whose middle is at `across`, a share of the width."""
    return Side.LEFT if across < 0.5 else Side.RIGHT


def _distance(pixels: Pixels, stops: tuple[RGB, ...]) -> float:
    """How far the middle of each row of the sky is from a gradient through `stops`."""
    rows = np.median(pixels[:SKY_ROWS], axis=1)
    at = np.linspace(0, 1, len(stops))
    where = np.arange(SKY_ROWS) / 128 / 0.585
    sky = np.stack([np.interp(where, at, [stop[c] for stop in stops]) for c in range(3)], axis=-1)
    return float(np.abs(rows - sky).mean())


def _lights(pixels: Pixels, time: Time) -> list[Blob]:
    """Every round thing in the sky that has the light's colour; the white stripes of a lighthouse are narrower."""
    found = blobs(between(near(pixels, [LIGHT[time]], 24), *ABOVE_THE_HORIZON), 80)
    return [blob for blob in found if blob.width >= 14 and blob.fill > 0.6 and blob.width / blob.height < 2.5]


def _weather(pixels: Pixels, time: Time) -> Weather | None:
    """What the sky does, or None where it does two things at once."""
    found = set()
    if time is Time.DAY and _distance(pixels, RAINY) < _distance(pixels, SKY[time]) and _drops(pixels):
        found.add(Weather.RAIN)
    if _has_rainbow(pixels):
        found.add(Weather.RAINBOW)
    if any(blob.width >= 14 for blob in blobs(between(near(pixels, [CLOUD[time]], 20), *CLOUD_ROWS), 90)):
        found.add(Weather.CLOUDS)
    if not found:
        return Weather.CLEAR
    return found.pop() if len(found) == 1 else None


def _drops(pixels: Pixels) -> bool:
    """Whether the sky has bright streaks all over: light pixels beside darker ones in every part of it."""
    sky = pixels[6:SKY_ROWS].astype(float).mean(axis=2)
    bright = sky > np.median(sky, axis=1)[:, None] + 14
    parts = [part.mean() for band in np.array_split(bright, 2, axis=0) for part in np.array_split(band, 4, axis=1)]
    return bool(min(parts) > 0.01)


def _has_rainbow(pixels: Pixels) -> bool:
    """Whether hues follow each other from the outside in, on both sides of the sky and at its top."""
    sky = pixels[:SKY_ROWS].astype(float)
    red, green, blue = sky[..., 0], sky[..., 1], sky[..., 2]
    warm = (red > blue + 30) & (red > 200)
    leaf = (green > red + 12) & (green > blue + 6)
    # The arc spans the whole sky; a lighthouse or a roof spans a few columns.
    across = [np.flatnonzero(hue.any(axis=0)) for hue in (warm, leaf)]
    return all(len(columns) >= 40 and columns[-1] - columns[0] >= 60 for columns in across)


def _bird_count(pixels: Pixels, time: Time) -> int:
    """How many columns hold a dark thing that is wider than high; a lighthouse's dark parts share one column."""
    found = blobs(between(near(pixels, [BIRD[time]], 60), *BIRD_ROWS), 10)
    centres = sorted(blob.centre[0] for blob in found if 6 <= blob.width <= 22 and blob.height < blob.width)
    return sum(1 for one, other in zip([-99.0, *centres], centres, strict=False) if other - one >= 8)
