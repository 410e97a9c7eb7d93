"""What a prompt says about its picture, as a flat set of facts."""

from models.world import (
    Background,
    Colour,
    Form,
    Ground,
    Pair,
    Picture,
    Place,
    Relation,
    Scene,
    Season,
    Several,
    Side,
    Single,
    Size,
    Time,
    Weather,
)


def facts(picture: Picture) -> list[str]:
    """Everything that is settled in `picture`; what was left open has no fact."""
    match picture:
        case Scene():
            sky_and_land = [f"time {picture.time}", f"ground {picture.ground}"]
            return ["scene", *sky_and_land, f"trees {picture.trees}", *_unusual(picture), *_things(picture)]
        case Single():
            shape = [f"form {picture.shape.form}", f"colour {picture.shape.colour}"]
            where = [f"size {picture.size}", f"place {picture.place}"]
            return ["single", f"background {picture.background}", *shape, *where]
        case Several():
            shape = [f"form {picture.shape.form}", f"colour {picture.shape.colour}"]
            return [f"count {picture.count}", f"background {picture.background}", *shape]
        case Pair():
            first = [f"first {picture.first.form}", f"first {picture.first.colour}"]
            second = [f"second {picture.second.form}", f"second {picture.second.colour}"]
            return ["pair", f"background {picture.background}", f"relation {picture.relation}", *first, *second]


def _unusual(scene: Scene) -> list[str]:
    """Season and weather where they are not what a prompt without a word about them means."""
    season = [] if scene.season is Season.SUMMER else [f"season {scene.season}"]
    return season if scene.weather is Weather.CLEAR else [*season, f"weather {scene.weather}"]


def _things(scene: Scene) -> list[str]:
    found = [name for name in ("light", "birds", "mountains", "flowers", "lighthouse") if getattr(scene, name)]
    sides = {"light": scene.light_side, "lighthouse": scene.lighthouse_side}
    for name, thing in (("house", scene.house), ("boat", scene.boat)):
        if thing:
            found.append(f"{name} {thing.colour}")
            sides[name] = thing.side
    return found + [f"{name} {side}" for name, side in sides.items() if side]


def all_facts() -> list[str]:
    """Every fact there can be, in a fixed order."""
    names = ["scene", "single", "pair", "light", "birds", "mountains", "flowers", "lighthouse"]
    names += ["count 2", "count 3"]
    names += [f"time {time}" for time in Time] + [f"ground {ground}" for ground in Ground]
    names += [f"season {season}" for season in Season] + [f"weather {weather}" for weather in Weather]
    names += [f"trees {count}" for count in range(4)]
    names += [f"{name} {side}" for name in ("light", "lighthouse", "house", "boat") for side in Side]
    names += [f"{name} {colour}" for name in ("house", "boat", "colour", "first", "second") for colour in Colour]
    names += [f"{name} {form}" for name in ("form", "first", "second") for form in Form]
    names += [f"background {background}" for background in Background]
    names += [f"size {size}" for size in Size] + [f"place {place}" for place in Place]
    return names + [f"relation {relation}" for relation in Relation]
