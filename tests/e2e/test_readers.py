"""What scripts of the panel make of files and figures, each asked by itself: settings in PNGs, prices, times."""

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from services.tasks.asking.ingredients import Adapter, Parameters, StartImage
from services.tasks.asking.pricing import price
from services.tasks.files import png_text
from services.tasks.queue.estimates import work_ms
from services.tasks.workers.capabilities import StepTime
from services.web import assets
from tests.e2e.conftest import PATIENCE_MS
from tests.support.fake_parts import MODEL
from tests.support.ledger_rows import PARAMETERS
from tests.support.picture_files import PNG, chunk, with_chunk
from tests.support.threaded_gateway import running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]
_READ = """async ([address, text]) => {
  const { readSettings } = await import(address);
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  try {
    return { settings: await readSettings(new File([bytes], "made.png")) };
  } catch (error) {
    return { refused: error.constructor.name, sentence: error.message };
  }
}"""
_RECKON = """async ([address, cases, times]) => {
  const { price, seconds } = await import(address);
  return cases.map((each) => [price(each), seconds(each, times)]);
}"""
MADE = replace(PARAMETERS, prompt="a red house", negative_prompt="clouds", guidance=2.5)


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page of ours, whose policy and files are the studio's."""
    with running() as gateway:
        context = browser.new_context()
        opened = context.new_page()
        opened.set_default_navigation_timeout(2 * PATIENCE_MS)
        opened.goto(f"{gateway.url}/docs")
        yield opened
        context.close()


def read(page: Page, file: bytes) -> dict[str, Any]:
    """What the panel's reader says of a file."""
    told: dict[str, Any] = page.evaluate(_READ, [assets.url("js/metadata.js"), base64.b64encode(file).decode()])
    return told


def ours(parameters: Parameters, **more: Any) -> bytes:
    """A PNG as tasks writes it."""
    shape = {"seed": 42, "width": 512, "height": 384, **more}
    return png_text.with_text(PNG, png_text.text_chunks(parameters, **shape))


def infotext(text: str) -> bytes:
    """A PNG as other tools write it."""
    return with_chunk(PNG, b"tEXt", b"parameters\0" + text.encode("latin-1"))


def test_everything_that_a_png_of_ours_says_is_read_back(page: Page) -> None:
    made = replace(
        MADE, prompt="ein Haus, größer als 日本", start_image=StartImage(image_id="image-1"), mask_upload_id="upload-2",
        strength=0.6, variation_seed=7, variation_strength=0.25, guidance_rescale=0.7, clip_skip=1,
        adapters=(Adapter(name="ink", weight=0.8),),
    )  # fmt: skip

    settings = read(page, ours(made))["settings"]

    assert settings == {
        "prompt": made.prompt, "negative_prompt": "clouds", "model": made.model, "sampler": made.sampler,
        "steps": made.steps, "guidance": 2.5, "width": 512, "height": 384, "seed": 42, "samples": 1,
        "start_image": {"image_id": "image-1"}, "mask": {"upload_id": "upload-2"}, "strength": 0.6,
        "variation_seed": 7, "variation_strength": 0.25, "guidance_rescale": 0.7, "clip_skip": 1,
        "adapters": [{"name": "ink", "weight": 0.8}],
    }  # fmt: skip


def test_our_own_text_for_other_tools_says_the_same_without_our_chunk(page: Page) -> None:
    made = replace(
        MADE, prompt="ein Haus für 日本", strength=0.6, variation_seed=7, variation_strength=0.25, guidance_rescale=0.7,
        clip_skip=1, adapters=(Adapter(name="ink", weight=0.8),),
    )  # fmt: skip
    texts = png_text.text_chunks(made, seed=42, width=512, height=384)

    both = read(page, ours(made))["settings"]
    alone = read(page, png_text.with_text(PNG, {"parameters": texts["parameters"]}))["settings"]

    assert alone == both


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (
            "a castle,\nat night <lora:ink:0.5>\nNegative prompt: fog,\nrain\nSteps: 30, Sampler: DPM++ 2M, Schedule "
            'type: Karras, CFG scale: 7.5, Seed: 123, Size: 640x448, Model hash: abc, Model: v1-5, Clip skip: 2, '
            'Hashes: "a: b, Seed: 9", Version: v1.10',
            {
                "prompt": "a castle,\nat night", "negative_prompt": "fog,\nrain", "steps": 30, "guidance": 7.5,
                "sampler": "DPM++ 2M Karras", "seed": 123, "width": 640, "height": 448, "model": "v1-5", "clip_skip": 1,
                "adapters": [{"name": "ink", "weight": 0.5}],
            },
        ),
        ("Steps: 20, Sampler: Euler a", {"prompt": "", "steps": 20, "sampler": "Euler a"}),
        (
            "x\nSteps: 1e9, CFG scale: -1, Seed: 1.5, Size: axb, Denoising strength: 7",
            {"prompt": "x", "negative_prompt": ""},
        ),
        ("a\x00b\x1bc\nSteps: 2", {"prompt": "abc", "steps": 2}),
    ],
    ids=["whole", "short", "nonsense", "control characters"],
)  # fmt: skip
def test_the_text_of_common_tools_is_read_value_by_value(page: Page, text: str, settings: dict[str, Any]) -> None:
    told = read(page, infotext(text))["settings"]

    assert {name: told.get(name) for name in settings} == settings
    if "1e9" in text:
        assert set(told) == {"prompt", "negative_prompt", "adapters", "samples"}


def broken(**values: Any) -> bytes:
    """A PNG whose chunk of ours says something else."""
    texts = png_text.text_chunks(MADE, seed=42, width=512, height=384)
    exact = {**json.loads(texts["daydream"]), **values}
    return png_text.with_text(PNG, {"daydream": json.dumps(exact)})


SAYS_NOTHING = "does not say how it was made"
DAMAGED = "The file is damaged"


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"", "That is no PNG"),
        (b"\xff\xd8\xff a photograph", "That is no PNG"),
        (PNG, SAYS_NOTHING),
        (PNG[:60], DAMAGED),
        (PNG[:-12], DAMAGED),
        (PNG[:8] + PNG[33:], DAMAGED),
        (PNG[:33] + struct.pack(">I", 2**31) + PNG[37:], DAMAGED),
        (PNG[:33] + struct.pack(">I", 0xFFFFFFFF) + PNG[37:], DAMAGED),
        (with_chunk(PNG, b"tEXt", b"parameters\0Steps: 20").replace(b"Steps: 20", b"Steps: 99"), DAMAGED),
        (with_chunk(PNG, b"tEXt", b"no end of the keyword" * 9), DAMAGED),
        (with_chunk(PNG, b"iTXt", b"parameters\0\0\0\0"), DAMAGED),
        (with_chunk(PNG, b"iTXt", b"parameters\0\0\0\0\0\xff\xfe"), DAMAGED),
        (with_chunk(PNG, b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(b"Steps: 20")), SAYS_NOTHING),
        (with_chunk(PNG, b"zTXt", b"parameters\0\0" + zlib.compress(bytes(2**20))), SAYS_NOTHING),
        (with_chunk(PNG, b"tEXt", b"parameters\0Steps: 20, " + b"a" * 70_000), SAYS_NOTHING),
        (with_chunk(PNG, b"tEXt", b"parameters\0no such line"), SAYS_NOTHING),
        (with_chunk(PNG, b"tEXt", b"daydream\0{not json"), SAYS_NOTHING),
        (with_chunk(PNG, b"tEXt", b"daydream\0[1, 2]"), SAYS_NOTHING),
        (with_chunk(PNG, b"tEXt", b"daydream\0null"), SAYS_NOTHING),
        (with_chunk(PNG, b"tEXt", b'daydream\0{"__proto__": {"prompt": "x"}}'), SAYS_NOTHING),
        (broken(steps="20"), SAYS_NOTHING),
        (broken(steps=0.5), SAYS_NOTHING),
        (broken(width=10**9), SAYS_NOTHING),
        (broken(guidance=None), SAYS_NOTHING),
        (broken(seed=2**60), SAYS_NOTHING),
        (broken(prompt=["a"]), SAYS_NOTHING),
        (broken(start_image={"upload_id": "../../account"}), SAYS_NOTHING),
        (broken(start_image={"image_id": "a", "upload_id": "b"}), SAYS_NOTHING),
        (broken(adapters=[None]), SAYS_NOTHING),
        (broken(strength=2), SAYS_NOTHING),
        (PNG[:8] + chunk(b"tEXt", b"parameters\0Steps: 20") + PNG[8:], DAMAGED),
    ],
    ids=range(31),
)
def test_a_file_that_cannot_be_believed_is_told_in_a_sentence(page: Page, file: bytes, sentence: str) -> None:
    told = read(page, file)

    assert told["refused"] == "Unusable", told
    assert sentence in told["sentence"]


def test_a_long_line_of_anything_is_read_in_no_time(page: Page) -> None:
    told = page.evaluate(
        "async (address) => { const { parsed } = await import(address);"
        "const began = performance.now();"
        "for (const filling of ['a', 'a ', ': ', '<lora:', '\\\\\"', '\\n']) "
        "  parsed(filling.repeat(60000 / filling.length) + '\\nSteps: 1, ' + filling.repeat(60000 / filling.length));"
        "return performance.now() - began; }",
        assets.url("js/infotext.js"),
    )

    # A pattern that went back and forth would take minutes.
    assert told < 3000


def test_the_browsers_prices_and_times_are_the_servers(page: Page) -> None:
    sizes = [(64, 64), (256, 256), (448, 256), (512, 512), (768, 512)]
    strengths = [None, 0.01, 0.29, 0.3, 0.57, 0.6, 0.8, 1.0]
    asked = [
        replace(
            PARAMETERS, model=MODEL.name, steps=steps, width=width, height=height, samples=samples, guidance=guidance,
            strength=strength,
        )
        for steps in (1, 10, 29, 50, 100) for width, height in sizes for samples in (1, 3, 10)
        for guidance in (1.0, 7.0) for strength in strengths
    ]  # fmt: skip
    measured = (
        StepTime(width=256, height=256, step_us=60_000, image_us=250_000, shared_step_us=40_000, images_at_once=4),
        StepTime(width=512, height=512, step_us=240_000, image_us=900_000),
    )
    model = replace(MODEL, step_times=measured)
    cases = [
        {
            "steps": each.steps, "width": each.width, "height": each.height, "samples": each.samples,
            "guidance": each.guidance, **({} if each.strength is None else {"strength": each.strength}),
        }
        for each in asked
    ]  # fmt: skip
    times = [
        {name: getattr(each, name) for name in StepTime.__dataclass_fields__} for each in measured
    ]  # fmt: skip

    told = page.evaluate(_RECKON, [assets.url("js/price.js"), cases, times])

    assert [cost for cost, _ in told] == [price(each) for each in asked]
    for (_, seconds), each in zip(told, asked, strict=True):
        assert 1000 * seconds == pytest.approx(work_ms(each, [model]), abs=1), each
