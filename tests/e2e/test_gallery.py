"""The gallery in a real browser: published, seen by strangers, begun with, taken back; pruned by staff."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import ask_for, sign_in
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]


def published(pretend: Running, new_page: NewPage, prompt: str, *, width: int = 1440) -> Page:
    """Ada's page after she drew a picture and published it from the viewer."""
    page = new_page(width)
    sign_in(page, pretend.url)
    ask_for(page, prompt)
    page.locator(".dd-tile-open").first.click()
    page.locator("#viewer-publish").click()
    expect(page.locator("#viewer-unpublish")).to_be_visible()
    return page


def staff_page(pretend: Running, new_page: NewPage, *, width: int = 1440) -> Page:
    """A page of somebody of the staff."""
    pretend.backends.auth.add("grace@example.org").staff = True
    secret, _ = pretend.backends.auth.open("grace@example.org")
    page = new_page(width)
    page.context.add_cookies([{"name": "dd_session", "value": secret, "url": pretend.url}])
    return page


@pytest.mark.parametrize("width", [1440, 390])
def test_a_picture_is_published_seen_by_a_stranger_and_taken_back(
    pretend: Running, new_page: NewPage, width: int
) -> None:
    owner = published(pretend, new_page, "a red house under a yellow sun", width=width)
    stranger = new_page(width)

    stranger.goto(f"{pretend.url}/gallery")
    tile = stranger.get_by_role("link", name=re.compile("a red house under a yellow sun"))
    expect(tile.locator("img")).to_have_js_property("complete", True)
    expect(tile.locator("img")).not_to_have_js_property("naturalWidth", 0)
    tile.click()
    expect(stranger.get_by_role("heading", level=1)).to_have_text("a red house under a yellow sun")
    expect(stranger.get_by_text("yours")).to_have_count(0)
    with stranger.expect_download() as download:
        stranger.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".png")

    owner.goto(f"{pretend.url}/gallery")
    expect(owner.get_by_text("yours")).to_be_visible()
    owner.get_by_role("link", name=re.compile("a red house under a yellow sun")).click()
    # With its scripts, which ask before the form is sent.
    owner.wait_for_url("**/gallery/*/view")
    owner.get_by_role("button", name="Take it out of the gallery").click()
    owner.locator("#confirm-yes").click()
    expect(owner.get_by_text("Your picture is no longer in the gallery.")).to_be_visible()
    stranger.goto(f"{pretend.url}/gallery")
    expect(stranger.get_by_text("Nothing is published here yet.")).to_be_visible()


def test_a_picture_fills_the_panel_with_everything_it_was_made_with(pretend: Running, new_page: NewPage) -> None:
    entry = pretend.backends.gallery.found("three yellow stars", width=128, height=192)
    page = new_page()
    sign_in(page, pretend.url)
    page.goto(f"{pretend.url}/gallery/{entry.gallery_id}/view")

    page.get_by_role("link", name="Begin with this prompt").click()

    expect(page.locator("#prompt")).to_have_value("three yellow stars")
    expect(page.locator("[name=negative_prompt]")).to_have_value("fog")
    expect(page.locator("#seed")).to_have_value("41")
    for name, value in {"steps": "12", "guidance": "3.5", "width": "128", "height": "192"}.items():
        expect(page.locator(f'input[type=number][name="{name}"]')).to_have_value(value)
    expect(page).to_have_url(re.compile("/studio$"))
    assert not pretend.backends.tasks.tasks


def test_a_picture_that_came_along_fills_the_panel_too(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.goto(f"{pretend.url}/gallery")

    page.get_by_role("link", name=re.compile("three yellow stars")).click()

    expect(page.locator("#prompt")).to_have_value("three yellow stars on a black background")
    expect(page.locator("#seed")).to_have_value("4")
    expect(page.locator('input[type=number][name="width"]')).to_have_value("128")


def test_a_picture_that_is_gone_says_so_in_the_panel(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)

    page.goto(f"{pretend.url}/studio?gallery=gone")

    expect(page.locator("#refusal")).to_contain_text("That picture is no longer in the gallery.")


def test_more_comes_by_itself_until_the_end_and_back_leads_to_the_same_place(
    pretend: Running, new_page: NewPage
) -> None:
    for number in range(60):
        pretend.backends.gallery.found(f"picture number {number:02}")
    page = new_page()
    page.goto(f"{pretend.url}/gallery")
    tiles = page.locator("#gallery > li")
    expect(tiles.first).to_be_visible()

    page.locator("#gallery > li").last.scroll_into_view_if_needed()
    expect(tiles).to_have_count(48)
    page.locator("#gallery > li").last.scroll_into_view_if_needed()
    expect(tiles).to_have_count(60)
    expect(page.locator("#more")).to_be_hidden()
    names = tiles.locator(".dd-clamp").all_inner_texts()
    assert names == [f"picture number {number:02}" for number in reversed(range(60))]

    page.get_by_role("link", name=re.compile("picture number 05")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("picture number 05")
    page.go_back()
    expect(tiles).to_have_count(60)
    expect(page.get_by_role("link", name=re.compile("picture number 05"))).to_be_in_viewport()


def test_without_script_the_gallery_is_read_page_by_page(pretend: Running, new_page: NewPage) -> None:
    for number in range(30):
        pretend.backends.gallery.found(f"picture number {number:02}")
    opened = new_page()
    browser = opened.context.browser
    assert browser is not None
    page = new_page(context=browser.new_context(java_script_enabled=False))
    page.goto(f"{pretend.url}/gallery")

    page.get_by_role("link", name="Show more").click()

    expect(page.locator("#gallery > li")).to_have_count(6)
    page.get_by_role("link", name=re.compile("picture number 00")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("picture number 00")
    page.context.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_staff_hide_a_picture_with_a_reason_and_show_it_again(pretend: Running, new_page: NewPage, width: int) -> None:
    pretend.backends.gallery.found("a picture to prune")
    staff, stranger = staff_page(pretend, new_page, width=width), new_page(width)

    staff.goto(f"{pretend.url}/gallery")
    staff.get_by_role("link", name=re.compile("^Hide")).click()
    staff.get_by_label("Reason").fill("somebody's name is in it")
    staff.get_by_role("button", name="Hide it").click()
    expect(staff.get_by_text("It is hidden from everybody but staff.")).to_be_visible()
    expect(staff).to_have_url(re.compile("/gallery$"))
    stranger.goto(f"{pretend.url}/gallery")
    expect(stranger.get_by_text("a picture to prune")).to_have_count(0)

    staff.goto(f"{pretend.url}/admin/gallery")
    expect(staff.get_by_text("somebody's name is in it")).to_be_visible()
    expect(staff.get_by_text("by grace@example.org")).to_be_visible()
    staff.locator("summary").click()
    staff.get_by_label("Reason").fill("it was a boat's name")
    staff.get_by_role("button", name="Show it again").click()
    expect(staff.get_by_text("Everybody sees it again.")).to_be_visible()
    stranger.reload()
    expect(stranger.get_by_text("a picture to prune").first).to_be_visible()
