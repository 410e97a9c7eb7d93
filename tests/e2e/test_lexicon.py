"""A model that knows only some words: the page says which of a prompt's it does not know, and stops nothing."""

import pytest
from daydream.gpu.v1 import inference_pb2
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import sign_in
from tests.support.gateway_backends import MODEL
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]

WORDS = ["a", "blue", "house", "red", "sun", "the", "under"]


def studio(pretend: Running, new_page: NewPage, words: list[str]) -> Page:
    """The studio of a model that knows `words`; none means that it makes no list of them."""
    model = inference_pb2.Model()
    model.CopyFrom(MODEL)
    model.known_words.extend(words)
    pretend.backends.tasks.model = model
    page = new_page()
    sign_in(page, pretend.url)
    return page


def test_words_it_does_not_know_are_named_and_the_prompt_can_be_sent(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page, WORDS)

    page.locator("#prompt").fill("A red Castle, under the dragon's sun (castle:1.2)")

    hint = page.locator("#prompt-unknown")
    expect(hint).to_contain_text("Daydream mini does not know “Castle” and “dragon” and draws the rest.")
    expect(hint.get_by_role("link", name="What it knows")).to_be_visible()
    expect(page.locator("#panel [data-generate]")).to_be_enabled()


def test_many_unknown_words_are_counted(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page, WORDS)

    page.locator("#prompt").fill("one two three four five house")

    expect(page.locator("#prompt-unknown")).to_contain_text("“one”, “two”, “three” and 2 more words")


def test_the_hint_leaves_with_the_word(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page, WORDS)
    hint = page.locator("#prompt-unknown span")
    page.locator("#prompt").fill("a red castle")
    expect(hint).not_to_be_empty()

    page.locator("#prompt").fill("A RED HOUSE, under the sun!")

    expect(hint).to_be_empty()
    expect(page.locator("#prompt-unknown a")).to_be_hidden()


def test_a_model_without_a_list_of_words_knows_them_all(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page, [])
    page.locator("#prompt").fill("a castle")
    # The hint would come after a pause in typing, so that pause is waited out in the page's own time.
    page.evaluate("new Promise((done) => setTimeout(done, 1000))")

    assert page.locator("#prompt-unknown span").inner_text() == ""


def test_the_gallery_brings_its_prompt_to_the_studio(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page, [])
    page.goto(f"{pretend.url}/gallery")
    first = page.locator(".dd-gallery a").first
    prompt = first.locator("figcaption").evaluate("words => words.firstChild.textContent.trim()")

    first.click()

    expect(page.locator("#prompt")).to_have_value(prompt)
    expect(page).to_have_url(f"{pretend.url}/studio")
    assert pretend.backends.tasks.tasks == {}
