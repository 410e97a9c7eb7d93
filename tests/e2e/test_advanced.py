"""What few pictures need: sent only where it is used, brought back by reuse, kept over a reload; help for all of it."""

import pytest
from daydream.gpu.v1 import inference_pb2
from playwright.sync_api import Page, expect

from services.foundation import errors
from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import ask_for, sign_in
from tests.support.gateway_backends import MODEL
from tests.support.panel import asked, number, type_number
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]


def studio(pretend: Running, new_page: NewPage, width: int = 1440) -> Page:
    """Of a model that has everything."""
    model = inference_pb2.Model()
    model.CopyFrom(MODEL)
    model.adapters.extend(["ink", "watercolour"])
    model.limits.max_clip_skip = 3
    pretend.backends.tasks.model = model
    page = new_page(width, 900)
    sign_in(page, pretend.url)
    if width < 768:
        page.get_by_role("button", name="Open the controls").click()
    return page


def test_what_is_set_is_sent_reused_and_kept_and_what_is_not_is_not(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page)
    page.get_by_role("button", name="Keep the panel open").click()
    ask_for(page, "a plain one")
    plain = asked(pretend)
    assert not plain.HasField("variation_seed")
    assert (plain.variation_strength, plain.clip_skip, len(plain.adapters)) == (0, 0, 0)
    page.get_by_text("Advanced").click()
    for name, value in (
        ("variation_strength", 0.3),
        ("variation_seed", 77),
        ("guidance_rescale", 0.7),
        ("clip_skip", 2),
    ):
        type_number(page, name, value)
    page.locator("#lora-add").select_option("ink")
    page.get_by_label("Weight of ink, as a number").fill("0.55")

    ask_for(page, "a bent one")

    told = asked(pretend)
    assert (told.variation_seed, told.clip_skip) == (77, 2)
    assert [round(each, 4) for each in (told.variation_strength, told.guidance_rescale)] == [0.3, 0.7]
    assert [(each.name, round(each.weight, 4)) for each in told.adapters] == [("ink", 0.55)]
    cards = page.locator("#cards > li")
    expect(page.locator(".dd-tile-open")).to_have_count(2)
    cards.nth(1).get_by_role("button", name="Reuse all", exact=True).click()
    expect(page.locator("#advanced-count")).to_be_empty()
    expect(page.locator("#lora-rows > li")).to_have_count(0)
    cards.nth(0).get_by_role("button", name="Reuse all", exact=True).click()
    page.reload()
    # The fold stays as it was left, and so does all that is in it.
    expect(page.locator("#variation-dial")).to_be_visible()
    assert {name: number(page, name) for name in ("variation_strength", "variation_seed", "clip_skip")} == {
        "variation_strength": "0.3", "variation_seed": "77", "clip_skip": "2",
    }  # fmt: skip
    expect(page.get_by_label("Weight of ink, as a number")).to_have_value("0.55")
    page.get_by_role("button", name="Leave out ink").click()
    expect(page.locator("#lora-add")).to_be_focused()
    expect(page.locator("#advanced-count")).to_have_text("3 in use")


def test_what_cannot_be_is_told_and_led_to_where_it_is_folded_away(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page)
    page.locator("#prompt").fill("a red house")
    summary = page.get_by_text("Advanced")
    summary.click()
    type_number(page, "variation_strength", 1.5)
    summary.click()
    cost = page.locator("#panel [data-cost]")
    expect(cost).to_have_text("Variation strength: 0 to 1")

    page.keyboard.press("Control+Enter")

    expect(page.locator('input[name="variation_strength"]')).to_be_focused()
    type_number(page, "variation_strength", 0.5)
    page.locator('input[name="variation_seed"]').fill("")
    expect(cost).to_have_text("Variation seed: −1 or 0, 1, 2, …")
    page.locator('input[name="variation_seed"]').fill("-1")
    page.locator("#lora-add").select_option("watercolour")
    page.get_by_label("Weight of watercolour, as a number").fill("3")
    expect(cost).to_have_text("watercolour: −2 to 2")
    page.get_by_label("Weight of watercolour, as a number").fill("2")
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    assert pretend.backends.tasks.tasks == {}


def test_what_the_server_says_of_pictures_and_loras_stands_with_them(pretend: Running, new_page: NewPage) -> None:
    pretend.backends.tasks.refusal = errors.InvalidInput.of(
        errors.FieldViolation(field="adapters.0.name", description="There is no adapter 'ink' for this model."),
        errors.FieldViolation(field="start_image", description="There is no such upload."),
    )
    page = studio(pretend, new_page)
    page.get_by_text("Advanced").click()

    ask_for(page, "a red house")

    expect(page.locator("#loras .dd-wrong")).to_have_text("There is no adapter 'ink' for this model.")
    expect(page.locator("#wrong-start_image")).to_have_text("There is no such upload.")
    expect(page.locator("#start-choose")).to_be_focused()
    page.locator("#prompt").fill("a red boat")
    expect(page.locator("#loras .dd-wrong")).to_have_count(0)


def test_a_model_that_has_neither_shows_neither(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.get_by_text("Advanced").click()

    expect(page.locator("#variation-dial")).to_be_visible()
    expect(page.locator("#clip-part")).to_be_hidden()
    expect(page.locator("#loras")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_every_control_has_a_sentence_that_the_help_switch_shows(
    pretend: Running, new_page: NewPage, width: int
) -> None:
    page = studio(pretend, new_page, width)
    page.get_by_text("Advanced").click()
    expect(page.locator("#panel .dd-help").locator("visible=true")).to_have_count(0)

    page.get_by_role("button", name="Explain every control").click()
    fields = page.locator("#panel :is(input:not([hidden], [type=radio]), select, textarea)").locator("visible=true")
    names = fields.evaluate_all("(all) => all.map((each) => each.id || each.name)")
    silent = fields.evaluate_all(
        "(all) => all.filter((each) => !(each.getAttribute('aria-describedby') || '').split(' ')"
        ".map((id) => document.getElementById(id)).some((help) => help?.matches('.dd-help') && help.checkVisibility()"
        " && help.textContent.trim().endsWith('.'))).map((each) => each.id || each.name)"
    )

    assert len(names) >= 20
    assert silent == []
    expect(page.locator("#shapes-help")).to_be_visible()
    expect(page.locator("#start-help")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_sheet_keeps_the_keyboard_and_gives_it_back(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page, 390)
    outside = (
        "!document.getElementById('panel').contains(document.activeElement) && document.activeElement !== document.body"
    )

    for _ in range(60):
        page.keyboard.press("Tab")
        assert not page.evaluate(outside), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    page.locator("#prompt").focus()
    page.keyboard.press("Escape")

    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#dock-open")).to_be_focused()
    assert page.locator("[inert]").count() == 0
