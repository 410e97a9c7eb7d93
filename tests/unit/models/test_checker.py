"""The checker passes what the renderer draws and fails what has been spoiled."""

import pytest
from PIL import Image, ImageDraw

from models.checker import check
from models.landscape import LIGHT_RADIUS, draw_clouds
from models.palette import LIGHT, PAINT, SKY
from models.renderer import render
from models.things import Brush, draw_boat, draw_house, draw_lighthouse, draw_tree
from models.world import (
    Background,
    Colour,
    Form,
    Ground,
    Pair,
    Place,
    Relation,
    Scene,
    Season,
    Several,
    Shape,
    Side,
    Single,
    Size,
    Thing,
    Time,
    Weather,
    generator,
    random_picture,
)

RED_HOUSE = Thing(colour=Colour.RED, side=Side.LEFT)
RED_CIRCLE = Shape(form=Form.CIRCLE, colour=Colour.RED)
BLUE_STAR = Shape(form=Form.STAR, colour=Colour.BLUE)


def failures(image: Image.Image, picture: object) -> set[str]:
    return {name for name, right in check(image, picture).items() if not right}  # type: ignore[arg-type]


def brush_on(image: Image.Image, time: Time) -> Brush:
    return Brush(draw=ImageDraw.Draw(image), side=image.width, time=time)


def test_fresh_renders_are_right() -> None:
    rng = generator("fresh renders")
    pictures = [random_picture(rng) for _ in range(400)]

    right = sum(not failures(render(picture, rng), picture) for picture in pictures)

    assert right >= 0.99 * len(pictures)


@pytest.mark.parametrize("time", list(Time))
def test_a_second_light_is_wrong(time: Time) -> None:
    scene = Scene(time=time, ground=Ground.HILLS, light=True, light_side=Side.LEFT)
    image = render(scene, generator(time))
    assert not failures(image, scene)

    brush_on(image, time).circle(0.78, 0.3, LIGHT_RADIUS, LIGHT[time])

    assert "light" in failures(image, scene)


@pytest.mark.parametrize("time", list(Time))
@pytest.mark.parametrize("colour", [Colour.RED, Colour.BLUE])
def test_a_second_house_is_wrong(time: Time, colour: Colour) -> None:
    scene = Scene(time=time, ground=Ground.HILLS, light=True, house=RED_HOUSE)
    image = render(scene, generator(time, colour))
    assert not failures(image, scene)

    draw_house(brush_on(image, time), colour, 0.74, 0.8)

    assert "house" in failures(image, scene)


def test_a_tree_too_many_is_wrong() -> None:
    scene = Scene(time=Time.DAY, ground=Ground.SNOW, house=RED_HOUSE, trees=1)
    image = render(scene, generator("trees"))
    assert not failures(image, scene)

    # Beside the one that stands there, so that it hides nothing.
    for x in (0.56, 0.95):
        draw_tree(brush_on(image, Time.DAY), generator("tree"), scene, x, 0.82)

    assert "trees" in failures(image, scene)


def test_a_second_boat_is_wrong() -> None:
    scene = Scene(time=Time.SUNSET, ground=Ground.SEA, light=True, boat=Thing(colour=Colour.RED, side=Side.LEFT))
    image = render(scene, generator("boats"))
    assert not failures(image, scene)

    draw_boat(brush_on(image, Time.SUNSET), Colour.GREEN, 0.78, 0.8)

    assert "boat" in failures(image, scene)


def test_a_rainbow_with_clouds_is_wrong() -> None:
    scene = Scene(time=Time.DAY, ground=Ground.SEA, weather=Weather.RAINBOW)
    image = render(scene, generator("two weathers"))
    assert not failures(image, scene)

    draw_clouds(brush_on(image, Time.DAY), generator("cloud"), None)

    assert "weather" in failures(image, scene)


def test_a_rainbow_without_half_of_its_colours_is_wrong() -> None:
    scene = Scene(time=Time.DAY, ground=Ground.SEA, weather=Weather.RAINBOW)
    image = render(scene, generator("half a rainbow"))
    assert not failures(image, scene)

    ImageDraw.Draw(image).rectangle((64, 0, 128, 66), fill=SKY[Time.DAY][1])

    assert "weather" in failures(image, scene)


def test_a_second_lighthouse_is_wrong() -> None:
    scene = Scene(time=Time.DAY, ground=Ground.SEA, lighthouse=True, lighthouse_side=Side.LEFT)
    image = render(scene, generator("lighthouses"))
    assert not failures(image, scene)

    draw_lighthouse(brush_on(image, Time.DAY), generator("lighthouse"), Side.RIGHT, 0.52)

    assert "lighthouse" in failures(image, scene)


@pytest.mark.parametrize(
    ("drawn", "asked", "wrong"),
    [
        ({"time": Time.NIGHT}, {"time": Time.DAY}, "time"),
        ({"ground": Ground.DESERT}, {"ground": Ground.SNOW}, "ground"),
        ({"light": False}, {"light": True}, "light"),
        ({"light_side": Side.LEFT}, {"light_side": Side.RIGHT}, "light side"),
        ({"weather": Weather.CLOUDS}, {}, "weather"),
        ({}, {"weather": Weather.CLOUDS}, "weather"),
        ({"weather": Weather.RAINBOW, "light": False}, {"light": False}, "weather"),
        ({"light": False}, {"weather": Weather.RAINBOW, "light": False}, "weather"),
        ({"weather": Weather.RAIN, "light": False}, {"light": False}, "weather"),
        ({"light": False}, {"weather": Weather.RAIN, "light": False}, "weather"),
        ({"birds": True}, {}, "birds"),
        ({}, {"birds": True}, "birds"),
        ({"flowers": True}, {}, "flowers"),
        ({}, {"flowers": True}, "flowers"),
        ({"season": Season.SPRING}, {"season": Season.SUMMER}, "season"),
        ({"season": Season.SUMMER}, {"season": Season.AUTUMN}, "season"),
        ({"season": Season.AUTUMN}, {"season": Season.SPRING}, "season"),
        ({"mountains": False}, {"mountains": True}, "mountains"),
        ({"house": Thing(colour=Colour.BLUE)}, {"house": RED_HOUSE}, "house colour"),
        ({"house": None}, {"house": RED_HOUSE}, "house"),
        ({"house": Thing(colour=Colour.RED, side=Side.RIGHT)}, {"house": RED_HOUSE}, "house side"),
        ({"trees": 2}, {"trees": 3}, "trees"),
    ],
)
def test_a_scene_that_is_not_the_one_asked_for_is_wrong(
    drawn: dict[str, object], asked: dict[str, object], wrong: str
) -> None:
    common = {"time": Time.DAY, "ground": Ground.HILLS, "light": True}
    image = render(Scene(**(common | drawn)), generator(wrong))  # type: ignore[arg-type]

    assert wrong in failures(image, Scene(**(common | asked)))  # type: ignore[arg-type]


@pytest.mark.parametrize("form", list(Form))
def test_each_form_is_told_from_all_others(form: Form) -> None:
    drawn = Single(shape=Shape(form=form, colour=Colour.GREEN), background=Background.WHITE)
    image = render(drawn, generator(form))

    taken_for = [
        other
        for other in Form
        if not failures(image, Single(shape=Shape(form=other, colour=Colour.GREEN), background=Background.WHITE))
    ]

    assert taken_for == [form]


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        (Single(shape=RED_CIRCLE, background=Background.GREY), "background"),
        (Single(shape=Shape(form=Form.CIRCLE, colour=Colour.PINK), background=Background.BLUE), "colour"),
        (Single(shape=RED_CIRCLE, background=Background.BLUE, size=Size.SMALL), "size"),
        (Single(shape=RED_CIRCLE, background=Background.BLUE, place=Place.TOP_LEFT), "place"),
        (Several(shape=RED_CIRCLE, background=Background.BLUE, count=2), "count"),
    ],
)
def test_a_shape_that_is_not_the_one_asked_for_is_wrong(asked: Single | Several, wrong: str) -> None:
    image = render(Single(shape=RED_CIRCLE, background=Background.BLUE), generator(wrong))

    assert wrong in failures(image, asked)


def test_a_speck_beside_the_shape_is_wrong() -> None:
    picture = Single(shape=RED_CIRCLE, background=Background.BLUE)
    image = render(picture, generator("speck"))

    ImageDraw.Draw(image).ellipse((8, 8, 20, 20), fill=PAINT[Colour.RED])

    assert "count" in failures(image, picture)


def test_a_pair_the_wrong_way_round_is_wrong() -> None:
    picture = Pair(first=RED_CIRCLE, second=BLUE_STAR, relation=Relation.ABOVE, background=Background.WHITE)
    image = render(picture, generator("pair"))
    assert not failures(image, picture)

    upside_down = image.transpose(Image.Transpose.ROTATE_180)

    assert "relation" in failures(upside_down, picture)


def test_a_pair_with_swapped_colours_is_wrong() -> None:
    picture = Pair(first=RED_CIRCLE, second=BLUE_STAR, relation=Relation.ABOVE, background=Background.WHITE)
    blue_circle = Shape(form=Form.CIRCLE, colour=Colour.BLUE)
    red_star = Shape(form=Form.STAR, colour=Colour.RED)
    swapped = Pair(first=blue_circle, second=red_star, relation=Relation.ABOVE, background=Background.WHITE)

    assert failures(render(swapped, generator("swapped")), picture)
