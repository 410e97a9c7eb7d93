"""Words for pictures: the prompts the model was trained on, and the only ones it understands.

A prompt says everything its picture holds, in one of several ways and orders, and nothing that is not there. Words the
model does not know are read as one unknown word, which it has learned to pass over.
"""

import random
from zlib import crc32

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

# Stands for any word outside the vocabulary when training puts one in.
UNKNOWN = "<unk>"

EXAMPLES = (
    "a red house under a yellow sun",
    "a red boat on a calm sea at sunset, mountains behind",
    "a blue house and two trees in the snow at night, the moon on the right",
    "a lighthouse by the sea at night under a full moon",
    "a white house and three trees on the hills in spring, with flowers",
    "green hills by day under a rainbow, mountains behind",
    "two trees on the hills in autumn, with the sun and white clouds",
    "a desert at sunset with two cacti and birds",
    "a yellow boat on the sea in the rain",
    "a red circle on a blue background",
    "three yellow stars on a black background",
    "a big pink heart on a white background",
)

NUMBERS = {1: ("one", "a", "a single"), 2: ("two", "a pair of"), 3: ("three",)}

FORM_WORDS: dict[Form, tuple[str, ...]] = {
    Form.CIRCLE: ("circle", "disc"),
    Form.SQUARE: ("square", "box"),
    Form.TRIANGLE: ("triangle",),
    Form.RING: ("ring", "hoop"),
    Form.HEART: ("heart",),
    Form.STAR: ("star",),
    Form.CROSS: ("cross", "plus"),
    Form.DIAMOND: ("diamond", "rhombus"),
}
PLURALS = {"box": "boxes", "cross": "crosses", "plus": "plus signs", "rhombus": "rhombuses", "cactus": "cacti"}

SIZE_WORDS: dict[Size, tuple[str, ...]] = {
    Size.SMALL: ("small", "little", "tiny"),
    Size.MEDIUM: ("",),
    Size.BIG: ("big", "large", "huge"),
}
PLACE_WORDS: dict[Place, tuple[str, ...]] = {
    Place.CENTRE: ("", "", "in the middle", "in the centre", "in the center"),
    Place.TOP: ("at the top", "in the upper half"),
    Place.BOTTOM: ("at the bottom", "in the lower half"),
    Place.LEFT: ("on the left", "at the left"),
    Place.RIGHT: ("on the right", "at the right"),
    Place.TOP_LEFT: ("in the top left corner", "at the top left", "in the upper left corner"),
    Place.TOP_RIGHT: ("in the top right corner", "at the top right", "in the upper right corner"),
    Place.BOTTOM_LEFT: ("in the bottom left corner", "at the bottom left", "in the lower left corner"),
    Place.BOTTOM_RIGHT: ("in the bottom right corner", "at the bottom right", "in the lower right corner"),
}
RELATION_WORDS: dict[Relation, tuple[str, ...]] = {
    Relation.LEFT_OF: ("to the left of", "left of"),
    Relation.RIGHT_OF: ("to the right of", "right of"),
    Relation.ABOVE: ("above", "over", "on top of"),
    Relation.BELOW: ("below", "under", "beneath"),
}
GROUND_WORDS: dict[Ground, tuple[str, ...]] = {
    Ground.HILLS: ("green hills", "hills", "rolling hills", "a meadow", "fields", "the countryside"),
    Ground.SEA: ("the sea", "a calm sea", "the ocean", "the water"),
    Ground.DESERT: ("the desert", "a desert", "sand dunes"),
    Ground.SNOW: ("the snow", "a snowy land", "winter", "a winter landscape"),
}
TIME_WORDS: dict[Time, tuple[str, ...]] = {
    Time.DAY: ("by day", "in the daytime", "during the day", "under a blue sky"),
    Time.SUNSET: ("at sunset", "in the evening", "at dusk", "under an orange sky"),
    Time.NIGHT: ("at night", "by night", "under the stars", "under a starry sky"),
}
SEASON_WORDS: dict[Season, tuple[str, ...]] = {
    Season.SPRING: ("in spring", "in springtime"),
    Season.AUTUMN: ("in autumn", "in the fall"),
}
WEATHER_WORDS: dict[Weather, tuple[str, ...]] = {
    Weather.CLOUDS: ("clouds", "white clouds", "a cloudy sky", "clouds in the sky"),
    Weather.RAIN: ("rain", "in the rain", "on a rainy day", "falling rain"),
    Weather.RAINBOW: ("a rainbow", "under a rainbow", "a rainbow in the sky", "a colourful rainbow"),
}
SIDE_WORDS = {Side.LEFT: ("on the left", "at the left"), Side.RIGHT: ("on the right", "at the right")}
FILLERS = ("a picture of", "a drawing of", "an image of", "a painting of")


def prompt_for(picture: Picture, rng: random.Random) -> str:
    """One of the many ways to ask for `picture`."""
    match picture:
        case Scene():
            text = _scene(picture, rng)
        case Single():
            text = _single(picture, rng)
        case Several():
            words = f"{rng.choice(NUMBERS[picture.count])} {_plural(_noun(picture.shape, rng))}"
            text = _with_background(words, picture.background, rng)
        case Pair():
            relation = rng.choice(RELATION_WORDS[picture.relation])
            words = f"{_article(_noun(picture.first, rng))} {relation} {_article(_noun(picture.second, rng))}"
            text = _with_background(words, picture.background, rng)
    return f"{rng.choice(FILLERS)} {text}" if rng.random() < 0.12 else text


def held_out(prompt: str) -> bool:
    """Whether `prompt` is one of the twentieth that training never sees and the evaluation asks for."""
    return crc32(prompt.encode()) % 20 == 0


def with_unknown_word(prompt: str, rng: random.Random) -> str:
    """`prompt` with one or two unknown words somewhere in it."""
    words = prompt.split()
    for _ in range(rng.choice((1, 1, 2))):
        words.insert(rng.randint(0, len(words)), UNKNOWN)
    return " ".join(words)


def _noun(shape: Shape, rng: random.Random) -> str:
    return f"{shape.colour} {rng.choice(FORM_WORDS[shape.form])}"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _plural(noun: str) -> str:
    head, _, last = noun.rpartition(" ")
    return f"{head} {PLURALS.get(last, last + 's')}".strip()


def _with_background(words: str, background: Background, rng: random.Random) -> str:
    if background is Background.WHITE and rng.random() < 0.35:
        return words  # a plain sheet of paper is what an unsaid background means
    ground = rng.choice(("background", "background", "backdrop"))
    colour = rng.choice(("grey", "gray")) if background is Background.GREY else background.value
    return f"{words} {rng.choice(('on', 'on', 'against', 'over'))} a {colour} {ground}"


def _single(picture: Single, rng: random.Random) -> str:
    noun = f"{rng.choice(SIZE_WORDS[picture.size])} {_noun(picture.shape, rng)}".strip()
    place = rng.choice(PLACE_WORDS[picture.place])
    if rng.random() < 0.5:
        return f"{_with_background(_article(noun), picture.background, rng)} {place}".strip()
    return _with_background(f"{_article(noun)} {place}".strip(), picture.background, rng)


def _scene(scene: Scene, rng: random.Random) -> str:
    """A subject on its ground at its time, and the rest in any order."""
    subject, rest = _subject(scene, rng)
    rng.shuffle(rest)
    ground, time = _ground(scene, subject, rng), _time(scene, rng)
    season = rng.choice(SEASON_WORDS.get(scene.season, ("",)))
    opening = " ".join(part for part in (subject, ground, season, time) if part)
    if time and rng.random() < 0.15:
        opening = f"{time}, " + " ".join(part for part in (subject, ground, season) if part)
    return opening + "".join(_join(part, rng) for part in rest)


def _subject(scene: Scene, rng: random.Random) -> tuple[str, list[str]]:
    """What is named first, if anything, and the other things that must be named."""
    things = []
    if scene.house:
        things.append(_placed(rng.choice(("house", "house", "cottage")), scene.house, rng))
    if scene.boat:
        things.append(_placed(rng.choice(("boat", "sailing boat", "sailboat", "ship")), scene.boat, rng))
    if scene.lighthouse:
        side = f" {rng.choice(SIDE_WORDS[scene.lighthouse_side])}" if scene.lighthouse_side else ""
        things.append(f"a lighthouse{side}")
    if scene.trees:
        words = ("cactus",) if scene.ground is Ground.DESERT else ("tree", "tree", "fir tree", "pine tree")
        noun = rng.choice(words)
        things.append(f"{rng.choice(NUMBERS[scene.trees])} {noun if scene.trees == 1 else _plural(noun)}")
    rng.shuffle(things)
    rest = []
    if scene.light:
        rest += _light(scene, rng)
    if scene.mountains:
        rest.append(rng.choice(("mountains behind", "mountains in the background", "mountains", "distant mountains")))
    if scene.weather in WEATHER_WORDS:
        rest.append(rng.choice(WEATHER_WORDS[scene.weather]))
    if scene.birds:
        rest.append(rng.choice(("birds", "birds in the sky", "flying birds", "three birds")))
    if scene.flowers:
        rest.append(rng.choice(("flowers", "wild flowers", "flowers in front", "colourful flowers")))
    if things and rng.random() < 0.35 and len(things) > 1:
        return f"{things[0]} and {things[1]}", rest + things[2:]
    return (things[0], rest + things[1:]) if things else ("", rest)


def _placed(noun: str, thing: Thing, rng: random.Random) -> str:
    words = _article(f"{thing.colour} {noun}")
    return f"{words} {rng.choice(SIDE_WORDS[thing.side])}" if thing.side else words


def _light(scene: Scene, rng: random.Random) -> list[str]:
    """The sun or the moon; a sunset may leave its sun unsaid unless its side matters."""
    if scene.time is Time.NIGHT:
        noun = rng.choice(("the moon", "a moon", "a full moon", "a bright moon"))
    else:
        noun = rng.choice(("the sun", "a sun", "a yellow sun", "a bright sun"))
    if scene.light_side:
        return [f"{noun} {rng.choice(SIDE_WORDS[scene.light_side])}"]
    if scene.time is Time.SUNSET and rng.random() < 0.5:
        return []
    return [rng.choice((noun, f"under {noun}", f"{noun} in the sky"))]


def _ground(scene: Scene, subject: str, rng: random.Random) -> str:
    # A house or trees with nothing said about the land stand on hills, a boat and a lighthouse belong to the sea.
    unsaid = {
        Ground.HILLS: bool(scene.house) or scene.trees > 0,
        Ground.SEA: bool(scene.boat or scene.lighthouse),
        Ground.DESERT: scene.trees > 0,
    }
    if unsaid.get(scene.ground, False) and rng.random() < 0.3:
        return ""
    words = rng.choice(GROUND_WORDS[scene.ground])
    if not subject:
        return words
    before = {Ground.HILLS: ("on", "in"), Ground.SEA: ("on", "by"), Ground.DESERT: ("in",), Ground.SNOW: ("in",)}
    return f"{rng.choice(before[scene.ground])} {words}"


def _time(scene: Scene, rng: random.Random) -> str:
    # The moon makes it night without a word, and where nothing is said it is day.
    if scene.time is Time.DAY and scene.light and rng.random() < 0.15:
        return "on a sunny day"
    needed = scene.time is Time.SUNSET or (scene.time is Time.NIGHT and not scene.light)
    if not needed and rng.random() < 0.3:
        return ""
    # Under a grey sky, or one with a rainbow, nobody speaks of a blue one.
    words = TIME_WORDS[scene.time] if scene.weather in (Weather.CLEAR, Weather.CLOUDS) else TIME_WORDS[scene.time][:3]
    return rng.choice(words)


def _join(part: str, rng: random.Random) -> str:
    if part.startswith(("under ", "in ", "on ")):
        return rng.choice((" ", ", ")) + part
    return rng.choice((", ", " with ", " and ", ", with ")) + part


def vocabulary() -> list[str]:
    """Every word the grammar can say, in alphabetical order."""
    rng = generator("vocabulary")
    words = {word for _ in range(20_000) for word in split(prompt_for(random_picture(rng), rng))}
    words |= {word for example in EXAMPLES for word in split(example)}
    words |= {colour.value for colour in Colour} | {background.value for background in Background}
    return sorted(words)


def split(prompt: str) -> list[str]:
    """The words of a prompt, as the tokenizer finds them."""
    return prompt.lower().replace(",", " ").split()
