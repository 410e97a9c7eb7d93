"""The plugins that have the studio draw: prompts written out, forms with the studio's choices, number and price."""

import importlib.util
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from daydream.tasks.v1 import tasks_pb2
from hypothesis import given
from hypothesis import strategies as st

from services.plugins.generation.asking import EXTENSION, Easel
from services.plugins.settings import BUNDLED_STUDIO
from tests.support import drawing_host
from tests.support.drawing_host import DrawingHost
from tests.support.fake_worker import model

MATRIX = "/plugins/prompt-matrix@v1-0-0"
TEXT = "/plugins/text-to-image@v1-0-0"
WRITES_OUT = BUNDLED_STUDIO / "daydream_studio" / "alternatives.py"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[DrawingHost]:
    """A host whose plugins draw."""
    async with drawing_host.running(tmp_path) as made:
        yield made


def prompts(text: str) -> list[str]:
    """What a text stands for. The module is read by itself: its package registers plugins wherever it is imported."""
    spec = importlib.util.spec_from_file_location("alternatives_of_a_test", WRITES_OUT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    written: list[str] = module.prompts(text)
    return written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a boat", ["a boat"]),
        ("a {red|white} boat at {sunset|night}",
         ["a red boat at sunset", "a red boat at night", "a white boat at sunset", "a white boat at night"]),
        ("a {red|{dark|light} blue} boat", ["a red boat", "a dark blue boat", "a light blue boat"]),
        ("a {|red} boat", ["a boat", "a red boat"]),
        ("{red} boat | sea", ["red boat | sea"]),
        (r"a \{red\|white\} boat\\", [r"a {red|white} boat" + "\\"]),
        ("a {red|red} boat", ["a red boat"]),
        ("a\n {red|white}\tboat ", ["a red boat", "a white boat"]),
        (r"one\two", [r"one\two"]),
    ],
)  # fmt: skip
def test_a_text_stands_for_every_prompt_once_and_in_order(text: str, expected: list[str]) -> None:
    assert prompts(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a {red|white", "The { at character 3 is never closed; write \\{ for the brace itself."),
        ("a {red|{white}", "The { at character 3 is never closed; write \\{ for the brace itself."),
        ("a red} boat", "The } at character 6 closes nothing; write \\} for the brace itself."),
        ("{a|b}" * 7, "This makes 128 prompts; 64 are the most."),
        ("{a|b}" * 500, "prompts; 64 are the most."),
        ("{" * 2000, "Alternatives stand in each other more than 8 deep."),
        ("{a|}", "One of the prompts is empty."),
        ("{a|" + "b" * 513 + "}", "A prompt has 513 characters; 512 are the most:"),
    ],
)
def test_a_text_that_cannot_be_written_out_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        prompts(text)


@given(st.text(min_size=1, max_size=60))
def test_any_text_stands_for_itself_once_its_braces_are_escaped(text: str) -> None:
    escaped = "".join(f"\\{each}" if each in "{|}\\" else each for each in text)
    plain = " ".join(text.split())

    if plain:
        assert prompts(escaped) == [plain]


def knows(host: DrawingHost, *, max_pixels: int = 0) -> None:
    """Let the studio say what it can do."""
    known = tasks_pb2.GetCapabilitiesResponse(models=[model(max_pixels=max_pixels)])
    host.app.extensions[EXTENSION] = Easel(
        bridge=host.bridge, grants=host.grants, capabilities=lambda: known, wake=host.wake
    )


async def test_a_form_offers_the_studios_models_samplers_and_defaults(host: DrawingHost) -> None:
    knows(host)

    page = (await host.ask("GET", f"{TEXT}/ui/")).text

    assert '<option value="mini">Mini</option>' in page
    assert '<option value="Euler">Euler</option>' in page
    assert 'name="guidance" id="guidance"' in page
    assert 'value="2.5"' in page


async def test_without_an_answer_of_the_studio_names_are_typed(host: DrawingHost) -> None:
    page = (await host.ask("GET", f"{TEXT}/ui/")).text

    assert '<input type="text" class="qhana-form-input" name="model"' in page


async def test_what_cannot_be_asked_for_is_said_in_the_form(host: DrawingHost) -> None:
    fields = {"prompt": "a" * 513, "steps": "0", "samples": "11", "seed": "-2", "guidance": "nan"}

    page = (await host.ask("POST", f"{TEXT}/ui/", fields)).text
    refused = await host.ask("POST", f"{TEXT}/process/", fields)

    assert page.count("qhana-error-message") == len(fields)
    assert (refused.status_code, refused.get_json()["errors"]["form"].keys()) == (422, fields.keys())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"steps": "51"}, {"steps": ["This model takes 50 at most."]}),
        ({"samples": "5", "guidance": "20.5"},
         {"samples": ["This model takes 4 at most."], "guidance": ["This model takes 20 at most."]}),
        ({"width": "32", "height": "65"},
         {"width": ["This model draws 64 to 512 pixels."], "height": ["This must be a multiple of 8."]}),
        ({"width": "512", "height": "504"}, {"width": ["Width times height may be 200,000 pixels at most."]}),
        ({"model": "huge"}, {"model": ["The studio does not have this model now."]}),
        ({"sampler": "Heun", "steps": "0"},
         {"sampler": ["This model is drawn with DDIM, Euler."],
          "steps": ["Must be greater than or equal to 1 and less than or equal to 2147483647."]}),
    ],
)  # fmt: skip
async def test_what_the_model_cannot_do_is_said_before_anybody_waits(
    host: DrawingHost, fields: dict[str, str], said: dict[str, list[str]]
) -> None:
    knows(host, max_pixels=200_000)

    refused = await host.ask("POST", f"{TEXT}/process/", {"prompt": "a boat", **fields})
    page = (await host.ask("POST", f"{TEXT}/ui/", {"prompt": "a boat", **fields})).text

    assert refused.get_json()["errors"]["form"] == said
    assert page.count("qhana-error-message") == len(said)


async def test_the_list_tells_number_price_and_time_of_what_it_will_draw(host: DrawingHost) -> None:
    knows(host)
    asked = {"prompt": "a {red|white} boat", "samples": "3", "steps": "40", "width": "512", "height": "512"}
    begun = await host.ask("POST", f"{MATRIX}/process/", asked)
    (step,) = (await host.task(begun.headers["Location"]))["steps"]

    page = (await host.ask("GET", step["uiHref"])).text

    # Three pictures of two tokens each for either prompt; 40 steps of 10 ms and 20 ms at 64 times the pixels.
    assert ">Generate 6<" in page
    assert ">12 tokens<" in page
    assert 'data-tokens="6" data-milliseconds="80640"' in page
