"""The world the bundled model knows, as values.

A picture is either a scene (a landscape under a sky) or shapes on a plain background. A value holds exactly what a
prompt says: a field that is None was left open, and the renderer is free to choose. Nothing here knows how a value
is worded (`models.grammar`), drawn (`models.renderer`) or recognised (`models.checker`).
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Colour(StrEnum):
    """What a shape, a house or a hull can be painted."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    WHITE = "white"


class Background(StrEnum):
    """What shapes can lie on."""

    WHITE = "white"
    BLACK = "black"
    GREY = "grey"
    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"


class Form(StrEnum):
    """The shapes."""

    CIRCLE = "circle"
    SQUARE = "square"
    TRIANGLE = "triangle"
    RING = "ring"
    HEART = "heart"
    STAR = "star"
    CROSS = "cross"
    DIAMOND = "diamond"


class Size(StrEnum):
    """How large a single shape is."""

    SMALL = "small"
    MEDIUM = "medium"
    BIG = "big"


class Place(StrEnum):
    """Where a single shape lies."""

    CENTRE = "centre"
    TOP = "top"
    BOTTOM = "bottom"
    LEFT = "left"
    RIGHT = "right"
    TOP_LEFT = "top left"
    TOP_RIGHT = "top right"
    BOTTOM_LEFT = "bottom left"
    BOTTOM_RIGHT = "bottom right"


class Relation(StrEnum):
    """Where the first of a pair lies, seen from the second."""

    LEFT_OF = "left of"
    RIGHT_OF = "right of"
    ABOVE = "above"
    BELOW = "below"


class Time(StrEnum):
    """The time of day, which is the colour of everything."""

    DAY = "day"
    SUNSET = "sunset"
    NIGHT = "night"


class Ground(StrEnum):
    """What lies below the sky."""

    HILLS = "hills"
    SEA = "sea"
    DESERT = "desert"
    SNOW = "snow"


class Season(StrEnum):
    """The time of year on the hills, told by their colour and their trees; winter is the ground SNOW."""

    SPRING = "spring"
    SUMMER = "summer"
    AUTUMN = "autumn"


class Weather(StrEnum):
    """What the sky does. There is at most one of these at a time."""

    CLEAR = "clear"
    CLOUDS = "clouds"
    RAIN = "rain"
    RAINBOW = "rainbow"


class Side(StrEnum):
    """The half of the picture a thing stands in."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> "Side":
        """The opposite half."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


@dataclass(frozen=True, kw_only=True)
class Thing:
    """A house or a boat.

    colour: of the walls or of the hull.
    side: the half it stands in; None is open.
    """

    colour: Colour
    side: Side | None = None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A landscape.

    time, ground: which sky and which land.
    season: summer everywhere but on hills by day, where it can be any.
    light: whether the one sun (day, sunset) or the one moon (night) is in the sky. A sunset always has its sun.
    light_side: the half the light is in; None is open.
    weather: rain and a rainbow by day only and without a sun, clouds also at sunset. A night is clear, with stars.
    birds: three of them, under a clear sky by day or at sunset, away from lighthouses.
    mountains: behind everything else.
    flowers: in the foreground of hills by day in spring and summer.
    house: never at sea.
    trees: how many, 0 to 3; firs, in spring and autumn round trees, in the desert cacti; none at sea.
    boat: at sea only.
    lighthouse: on a headland, at sea only; a boat beside it keeps to the other half.
    lighthouse_side: the half the headland is in; None is open.
    """

    time: Time
    ground: Ground
    season: Season = Season.SUMMER
    light: bool = False
    light_side: Side | None = None
    weather: Weather = Weather.CLEAR
    birds: bool = False
    mountains: bool = False
    flowers: bool = False
    house: Thing | None = None
    trees: int = 0
    boat: Thing | None = None
    lighthouse: bool = False
    lighthouse_side: Side | None = None


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One form in one colour."""

    form: Form
    colour: Colour


@dataclass(frozen=True, kw_only=True)
class Single:
    """One shape somewhere on a background."""

    shape: Shape
    background: Background
    size: Size = Size.MEDIUM
    place: Place = Place.CENTRE


@dataclass(frozen=True, kw_only=True)
class Several:
    """Two or three alike in a row."""

    shape: Shape
    background: Background
    count: int


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two different shapes, the first seen from the second."""

    first: Shape
    second: Shape
    relation: Relation
    background: Background


Picture = Scene | Single | Several | Pair

KINDS = ("scene", "single", "several", "pair")
KIND_WEIGHTS = (0.46, 0.30, 0.10, 0.14)
# Star, cross and diamond need more of the training than the rest before they have clean corners.
FORM_WEIGHTS = {Form.STAR: 1.5, Form.CROSS: 1.4, Form.DIAMOND: 1.3}


def kind(picture: Picture) -> str:
    """The name of the picture's kind, one of KINDS."""
    return type(picture).__name__.lower()


def generator(*seed: object) -> random.Random:
    """A generator that draws the same numbers wherever it is given the same seed."""
    return random.Random(" ".join(str(part) for part in seed))  # noqa: S311 (nothing secret is drawn from it)


def random_picture(rng: random.Random) -> Picture:
    """A picture drawn at random with the training's frequencies."""
    draw: dict[str, Callable[[random.Random], Picture]] = {
        "scene": random_scene,
        "single": _single,
        "several": _several,
        "pair": _pair,
    }
    return draw[rng.choices(KINDS, KIND_WEIGHTS)[0]](rng)


def random_scene(rng: random.Random) -> Scene:
    """A landscape; each thing is there or not by its own coin."""
    time = rng.choice(list(Time))
    ground = rng.choice(list(Ground))
    season = _season(rng, time, ground)
    weather = _weather(rng, time)
    sunny = weather in (Weather.CLEAR, Weather.CLOUDS)
    light = sunny and (time is Time.SUNSET or rng.random() < 0.65)
    at_sea = ground is Ground.SEA
    lighthouse = at_sea and rng.random() < 0.35
    lighthouse_side = _side_or_open(rng) if lighthouse else None
    away = lighthouse_side.other if lighthouse_side else None
    boat = None
    if at_sea and rng.random() < (0.55 if lighthouse else 0.75):
        side = rng.choice((None, away)) if lighthouse else _side_or_open(rng)
        boat = Thing(colour=rng.choice(list(Colour)), side=side)
    house = None
    if not at_sea and rng.random() < 0.55:
        house = Thing(colour=rng.choice(list(Colour)), side=_side_or_open(rng))
    return Scene(
        time=time,
        ground=ground,
        season=season,
        light=light,
        light_side=_light_side(rng, lighthouse, away) if light else None,
        weather=weather,
        birds=time is not Time.NIGHT and weather is Weather.CLEAR and not lighthouse and rng.random() < 0.25,
        mountains=rng.random() < 0.35,
        flowers=_may_flower(time, ground, season) and rng.random() < 0.4,
        house=house,
        trees=0 if at_sea else rng.choice((0, 0, 1, 2, 3)),
        boat=boat,
        lighthouse=lighthouse,
        lighthouse_side=lighthouse_side,
    )


def _season(rng: random.Random, time: Time, ground: Ground) -> Season:
    if ground is Ground.HILLS and time is Time.DAY:
        return rng.choices(list(Season), (0.3, 0.4, 0.3))[0]
    return Season.SUMMER


def _weather(rng: random.Random, time: Time) -> Weather:
    weights = {Time.DAY: (0.5, 0.22, 0.14, 0.14), Time.SUNSET: (0.7, 0.3, 0.0, 0.0), Time.NIGHT: (1.0, 0.0, 0.0, 0.0)}
    return rng.choices(list(Weather), weights[time])[0]


def _may_flower(time: Time, ground: Ground, season: Season) -> bool:
    return ground is Ground.HILLS and time is Time.DAY and season is not Season.AUTUMN


def _side(rng: random.Random) -> Side:
    return rng.choice(list(Side))


def _side_or_open(rng: random.Random) -> Side | None:
    return _side(rng) if rng.random() < 0.45 else None


def _light_side(rng: random.Random, lighthouse: bool, away: Side | None) -> Side | None:
    """The half the light is in, never behind a lighthouse that would hide it."""
    side = _side_or_open(rng)
    return away if side and lighthouse else side


def _shape(rng: random.Random, colours: Sequence[Colour]) -> Shape:
    forms = list(Form)
    form = rng.choices(forms, [FORM_WEIGHTS.get(form, 1.0) for form in forms])[0]
    return Shape(form=form, colour=rng.choice(colours))


def _background(rng: random.Random) -> tuple[Background, list[Colour]]:
    """A background and the colours that can be told from it."""
    background = rng.choice(list(Background))
    return background, [colour for colour in Colour if colour.value != background.value]


def _single(rng: random.Random) -> Single:
    background, colours = _background(rng)
    size = rng.choices(list(Size), (0.25, 0.5, 0.25))[0]
    # A big shape reaches from edge to edge, so only the centre has room for it.
    place = Place.CENTRE if size is Size.BIG or rng.random() < 0.3 else rng.choice(list(Place))
    return Single(shape=_shape(rng, colours), background=background, size=size, place=place)


def _several(rng: random.Random) -> Several:
    background, colours = _background(rng)
    return Several(shape=_shape(rng, colours), background=background, count=rng.choice((2, 3)))


def _pair(rng: random.Random) -> Pair:
    background, colours = _background(rng)
    first = _shape(rng, colours)
    second = first
    while second.form is first.form or second.colour is first.colour:
        second = _shape(rng, colours)
    return Pair(first=first, second=second, relation=rng.choice(list(Relation)), background=background)
