"""A PNG dropped on the panel fills it from what it says of itself; what the model cannot hold moves and is told."""

from dataclasses import replace

import pytest
from daydream.gpu.v1 import inference_pb2
from playwright.sync_api import expect

from services.tasks.asking.ingredients import Adapter, StartImage
from services.tasks.files import png_text
from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import sign_in
from tests.support import picture_files
from tests.support.gateway_backends import MODEL
from tests.support.ledger_rows import PARAMETERS
from tests.support.panel import choose_start, drop, number
from tests.support.picture_files import PNG, with_chunk
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]


def test_a_png_of_ours_fills_every_control_and_nothing_is_sent(pretend: Running, new_page: NewPage) -> None:
    model = inference_pb2.Model()
    model.CopyFrom(MODEL)
    model.adapters.append("ink")
    model.limits.max_clip_skip = 3
    pretend.backends.tasks.model = model
    page = new_page()
    sign_in(page, pretend.url)
    choose_start(page, PNG)
    heard = pretend.backends.tasks.heard
    made = replace(
        PARAMETERS, prompt="a boat at sea", negative_prompt="clouds", model="daydream-mini", sampler="Euler a", steps=7,
        guidance=3.5, variation_seed=9, variation_strength=0.2, guidance_rescale=0.7, clip_skip=2,
        adapters=(Adapter(name="ink", weight=-0.5),),
    )  # fmt: skip
    texts = png_text.text_chunks(made, seed=42, width=384, height=256)

    drop(page, "#prompt", "boat.png", "image/png", png_text.with_text(PNG, texts))

    expect(page.locator("#prompt")).to_have_value("a boat at sea")
    expect(page.locator("#panel-note")).to_have_text("Filled with what boat.png says of itself.")
    expect(page.locator("#negative")).to_have_value("clouds")
    expect(page.locator("#sampler")).to_have_value("Euler a")
    values = {name: number(page, name) for name in ("steps", "guidance", "width", "height", "seed", "samples")}
    assert values == {"steps": "7", "guidance": "3.5", "width": "384", "height": "256", "seed": "42", "samples": "1"}
    advanced = {name: number(page, name) for name in ("variation_strength", "guidance_rescale", "clip_skip")}
    assert advanced == {"variation_strength": "0.2", "guidance_rescale": "0.7", "clip_skip": "2"}
    assert number(page, "variation_seed") == "9"
    expect(page.get_by_label("Weight of ink, as a number")).to_have_value("-0.5")
    expect(page.locator("#advanced-count")).to_have_text("4 in use")
    # It began from noise, so what stood here to begin from is gone.
    expect(page.locator("#start-words")).to_have_text("Choose, drop or paste a picture")
    assert pretend.backends.tasks.heard == heard
    assert pretend.backends.tasks.tasks == {}


def test_what_the_model_cannot_hold_moves_to_the_nearest_and_is_told(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.locator("#prompt").fill("a thought of my own")
    text = (
        b"parameters\0a castle <lora:ink:1>\nSteps: 80, Sampler: Restart, CFG scale: 7, Seed: 5, Size: 1000x500, "
        b"Model: another"
    )
    file = with_chunk(PNG, b"tEXt", text)

    page.locator("#settings-file").set_input_files({"name": "castle.png", "mimeType": "image/png", "buffer": file})

    note = page.locator("#panel-note")
    expect(note).to_contain_text("Filled with what castle.png says of itself.")
    expect(note).to_contain_text("There is no model “another” here; Daydream mini is used.")
    expect(note).to_contain_text("Daydream mini has no sampler “Restart”; DPM++ 2M is used.")
    expect(note).to_contain_text("Left out, as Daydream mini has no such LoRA: “ink”.")
    expect(note).to_contain_text("width 1000 → 512, height 500 → 256, steps 80 → 50.")
    expect(page.locator("#prompt")).to_have_value("a castle")
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    page.get_by_role("button", name="Bring back what you wrote").click()
    expect(page.locator("#prompt")).to_have_value("a thought of my own")


def test_a_file_that_says_nothing_changes_nothing_and_one_beside_the_panel_does_not_open(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page(390, 844)
    sign_in(page, pretend.url)
    drop(page, "#timeline", "plain.png", "image/png", PNG)
    page.get_by_role("button", name="Open the controls").click()
    page.locator("#prompt").fill("a red house")

    drop(page, "#panel", "plain.png", "image/png", PNG)
    expect(page.locator("#panel-note")).to_contain_text("does not say how it was made")
    drop(page, "#panel", "photo.jpg", "image/jpeg", picture_files.photograph())

    expect(page.locator("#panel-note")).to_contain_text("That is no PNG")
    expect(page.locator("#prompt")).to_have_value("a red house")
    assert pretend.backends.tasks.heard == 0


def test_somebody_elses_start_image_is_dropped_with_a_sentence(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    made = replace(PARAMETERS, start_image=StartImage(image_id="not-mine"), strength=0.5)
    texts = png_text.text_chunks(made, seed=42, width=256, height=256)

    drop(page, "#panel", "boat.png", "image/png", png_text.with_text(PNG, texts))

    expect(page.locator("#panel-note")).to_contain_text("was deleted, so the start image was taken out")
    expect(page.locator("#start-words")).to_have_text("Choose, drop or paste a picture")
