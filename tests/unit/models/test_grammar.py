"""Prompts say what their pictures hold, in words the tokenizer has."""

from models.grammar import EXAMPLES, UNKNOWN, held_out, prompt_for, split, vocabulary, with_unknown_word
from models.renderer import render
from models.text import LENGTH, build_tokenizer, encode_prompts
from models.world import Ground, Scene, Season, Time, Weather, generator, random_picture, random_scene


def test_the_vocabulary_is_small_and_always_the_same() -> None:
    words = vocabulary()

    assert words == vocabulary()
    assert 100 <= len(words) <= 160
    assert {"red", "house", "under", "yellow", "sun", "circle", "background", "boat", "calm", "sunset"} <= set(words)


def test_every_example_is_made_of_known_words() -> None:
    known = set(vocabulary())

    for example in EXAMPLES:
        assert set(split(example)) <= known


def test_every_prompt_fits_the_text_encoder() -> None:
    rng = generator("long prompts")

    longest = max(len(split(prompt_for(random_picture(rng), rng))) for _ in range(3000))

    assert longest <= LENGTH - 2


def test_what_a_scene_holds_is_said() -> None:
    rng = generator("said")
    for _ in range(500):
        scene = random_scene(rng)

        words = set(split(prompt_for(scene, rng)))

        assert bool(words & {"house", "cottage"}) == (scene.house is not None)
        assert bool(words & {"boat", "sailboat", "ship"}) == (scene.boat is not None)
        assert ("lighthouse" in words) == scene.lighthouse
        assert ("mountains" in words) == scene.mountains
        assert bool(words & {"clouds", "cloudy"}) == (scene.weather is Weather.CLOUDS)
        assert bool(words & {"rain", "rainy"}) == (scene.weather is Weather.RAIN)
        assert ("rainbow" in words) == (scene.weather is Weather.RAINBOW)
        assert bool(words & {"spring", "springtime"}) == (scene.season is Season.SPRING)
        assert bool(words & {"autumn", "fall"}) == (scene.season is Season.AUTUMN)
        assert ("birds" in words) == scene.birds
        assert ("flowers" in words) == scene.flowers
        if scene.house:
            assert scene.house.colour.value in words


def test_a_tenth_or_less_is_held_out() -> None:
    rng = generator("held out")
    prompts = [prompt_for(random_picture(rng), rng) for _ in range(2000)]

    share = sum(map(held_out, prompts)) / len(prompts)

    assert 0.02 < share < 0.1


def test_an_unknown_word_becomes_the_unknown_token() -> None:
    tokenizer = build_tokenizer()

    ids = encode_prompts(tokenizer, ["a splendid house", with_unknown_word("a house", generator(1))])

    assert (ids == tokenizer.unk_token_id).any(dim=1).all()
    assert tokenizer.unk_token == UNKNOWN


def test_case_and_punctuation_do_not_matter() -> None:
    tokenizer = build_tokenizer()

    plain, dressed = encode_prompts(tokenizer, ["a red house under a yellow sun", "A red house, under a YELLOW sun!"])

    assert plain.equal(dressed)


def test_the_world_keeps_its_own_rules() -> None:
    rng = generator("rules")
    for _ in range(1000):
        scene = random_scene(rng)

        if scene.ground is Ground.SEA:
            assert scene.house is None
            assert scene.trees == 0
        else:
            assert scene.boat is None
            assert not scene.lighthouse
        assert scene.light or scene.time is not Time.SUNSET
        assert scene.weather is Weather.CLEAR or scene.time is not Time.NIGHT
        if scene.weather in (Weather.RAIN, Weather.RAINBOW):
            assert scene.time is Time.DAY
            assert not scene.light
        if scene.season is not Season.SUMMER or scene.flowers:
            assert (scene.ground, scene.time) == (Ground.HILLS, Time.DAY)


def test_equal_generators_draw_equal_pictures() -> None:
    scene = Scene(time=Time.NIGHT, ground=Ground.SNOW, light=True, trees=3)

    one, other = render(scene, generator(5)), render(scene, generator(5))

    assert one.tobytes() == other.tobytes()
    assert one.tobytes() != render(scene, generator(6)).tobytes()
