"""Looking after people in a real browser: finding them, tokens, standing, links and codes that are shown once."""

import re

import pytest
from daydream.auth.v1 import audit_pb2
from playwright.sync_api import Page, expect

from services.web.visitors import SESSION_COOKIE
from tests.e2e.conftest import NewPage
from tests.support.desk import EMAIL
from tests.support.gateway_accounts import PASSWORD, Person
from tests.support.studio_page import no_timer_rings
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]

SIZES = pytest.mark.parametrize(("width", "height"), [(1440, 1000), (390, 844)], ids=["wide", "narrow"])


def desk(pretend: Running, page: Page, path: str) -> Person:
    """Somebody of the staff, before a page."""
    person = pretend.backends.auth.add(EMAIL)
    person.staff = True
    secret, _ = pretend.backends.auth.open(EMAIL)
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": pretend.url}])
    page.goto(f"{pretend.url}{path}")
    return person


def answer(page: Page, name: str) -> None:
    """Press a button of the question that is asked."""
    page.get_by_role("dialog").get_by_role("button", name=name).click()


@SIZES
def test_staff_find_somebody_give_them_tokens_and_keep_them_out(
    pretend: Running, new_page: NewPage, width: int, height: int
) -> None:
    page = new_page(width, height)
    pretend.backends.auth.add(EMAIL).staff = True
    page.goto(f"{pretend.url}/sign-in?next=/gallery")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # Each page with its scripts: the door has a menu too, and what asks first or is sent once is theirs to see to.
    page.wait_for_url("**/gallery")

    if width < 768:
        page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("link", name="Admin").click()
    page.get_by_role("searchbox").fill("ADA")
    page.keyboard.press("Enter")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_role("link", name="ada@example.org").click()
    page.wait_for_url("**/admin/users/*")
    page.get_by_label("Tokens", exact=True).fill("25")
    page.get_by_label("Reason").fill("a workshop")
    page.get_by_role("button", name="Change the balance").dblclick()
    expect(page.get_by_role("status").filter(has_text="25 tokens given")).to_be_visible()
    expect(page.locator(".dd-sum")).to_have_text(re.compile(r"^125\b"))
    page.wait_for_load_state()
    page.get_by_role("button", name="Suspend").click()
    answer(page, "Keep it")
    assert pretend.backends.auth.ada.active
    page.get_by_role("button", name="Suspend").click()
    answer(page, "Suspend")

    expect(page.get_by_text("suspended", exact=True)).to_be_visible()
    assert not pretend.backends.auth.ada.active
    assert pretend.backends.auth.ada.tokens == 125
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("button", name="Suspend")).to_be_visible()
    page.wait_for_load_state()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@SIZES
def test_a_reset_link_is_copied_handed_on_and_lets_its_person_in(
    pretend: Running, new_page: NewPage, width: int, height: int
) -> None:
    page = new_page(width, height)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=pretend.url)
    desk(pretend, page, "/admin/users/user-1")

    page.get_by_role("button", name="Make a reset link").click()
    expect(page.locator("#reset-link")).to_be_visible()
    page.wait_for_load_state()
    no_timer_rings(page)
    page.locator('[data-copy="#reset-link"]').click()

    expect(page.locator('[data-copy="#reset-link"]')).to_have_text("Copied")
    expect(page.locator("main > [role=status]")).to_have_text("Copied")
    address = page.evaluate("navigator.clipboard.readText()")
    assert address == page.get_by_label("Whole address").input_value()
    ada = new_page(width, height)
    ada.goto(address)
    ada.get_by_label("New password", exact=True).fill("another calm sea")
    ada.get_by_role("button", name="Set the password").click()
    ada.wait_for_url("**/sign-in")
    ada.get_by_label("Email").fill("ada@example.org")
    ada.get_by_label("Password", exact=True).fill("another calm sea")
    ada.get_by_role("button", name="Sign in").click()
    expect(ada).to_have_url(re.compile("/studio$"))
    page.reload()
    expect(page.get_by_text("it is shown only once")).to_be_visible()
    expect(page.get_by_label("Whole address")).to_have_count(0)


@SIZES
def test_a_code_is_issued_its_text_copied_and_the_code_withdrawn(
    pretend: Running, new_page: NewPage, width: int, height: int
) -> None:
    page = new_page(width, height)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=pretend.url)
    desk(pretend, page, "/admin/codes")

    page.get_by_text("Invitation", exact=True).click()
    expect(page.get_by_label("Tokens each")).to_be_hidden()
    page.get_by_text("Tokens", exact=True).last.click()
    page.get_by_label("Tokens each").fill("40")
    page.get_by_label("Reason").fill("a workshop")
    page.get_by_role("button", name="Issue the code").dblclick()
    expect(page.locator("#code-text")).to_be_visible()
    page.wait_for_load_state()
    no_timer_rings(page)
    page.locator('[data-copy="#code-text"]').click()
    expect(page.locator('[data-copy="#code-text"]')).to_have_text("Copied")
    text = page.evaluate("navigator.clipboard.readText()")
    page.get_by_role("button", name="Withdraw the code AAAA1").click()
    answer(page, "Withdraw")

    expect(page.get_by_text("withdrawn", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Withdraw the code")).to_have_count(0)
    assert text == "AAAA1-BBBBB-CCCCC-DDDDD-EEEEE"
    assert [each.tokens for each in pretend.backends.auth.codes] == [40]


def test_more_people_come_below_those_that_are_shown_and_the_keyboard_goes_on_there(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    for number in range(43):
        pretend.backends.auth.add(f"person-{number}@example.org")
    desk(pretend, page, "/admin/users?q=person")
    expect(page.locator("#foot")).to_contain_text("20 of 43")

    page.get_by_role("link", name="Show more").press("Enter")
    expect(page.locator("#rows tr")).to_have_count(40)
    expect(page.locator("#rows tr").nth(20).get_by_role("link").first).to_be_focused()
    page.get_by_role("link", name="Show more").click()

    expect(page.locator("#rows tr")).to_have_count(43)
    expect(page.locator("#foot")).to_contain_text("43 of 43")
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    assert page.url.endswith("/admin/users?q=person")
    page.get_by_role("button", name="Actions for person-0@example.org").click()
    expect(page.get_by_role("link", name="Give or take tokens")).to_be_visible()


def test_the_actions_of_a_row_are_reached_by_the_keyboard_which_comes_back_when_nothing_is_done(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    desk(pretend, page, "/admin/users")
    more = page.get_by_role("button", name="Actions for ada@example.org")

    more.press("Enter")
    page.get_by_role("button", name="Suspend").press("Enter")
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(more).to_be_focused()
    assert pretend.backends.auth.ada.active


@SIZES
def test_nobody_is_deleted_by_a_slip_and_somebody_by_their_typed_address(
    pretend: Running, new_page: NewPage, width: int, height: int
) -> None:
    page = new_page(width, height)
    desk(pretend, page, "/admin/users")
    page.get_by_role("button", name="Actions for ada@example.org").click()
    page.get_by_role("link", name="Delete").click()

    page.get_by_label("Their email, to be sure").fill("bob@example.org")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("This is not their email; nothing was deleted.")).to_be_visible()
    assert "ada@example.org" in pretend.backends.auth.people
    page.get_by_label("Their email, to be sure").fill("ada@example.org")
    page.get_by_role("button", name="Delete for good").click()

    expect(page.get_by_text("ada@example.org is deleted.")).to_be_visible()
    expect(page.locator("#rows tr")).to_have_count(2)
    assert "ada@example.org" not in pretend.backends.auth.people


def test_where_the_browser_has_no_clipboard_for_pages_it_is_copied_the_old_way(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    # As on a page that came over plain HTTP from another machine.
    page.add_init_script("delete Navigator.prototype.clipboard")
    desk(pretend, page, "/admin/users/user-1")
    assert page.evaluate("navigator.clipboard") is None
    no_timer_rings(page)

    page.locator('[data-copy="#person-id"]').click()
    expect(page.locator('[data-copy="#person-id"]')).to_have_text("Copied")
    page.get_by_label("Reason").press("Control+V")
    expect(page.get_by_label("Reason")).to_have_value("user-1")
    page.get_by_role("button", name="Make a reset link").click()
    expect(page.locator("#reset-link")).to_be_visible()
    page.wait_for_load_state()
    no_timer_rings(page)
    page.locator('[data-copy="#reset-link"]').click()
    expect(page.locator('[data-copy="#reset-link"]')).to_have_text("Copied")
    page.get_by_label("Reason").press("Control+V")

    expect(page.get_by_label("Reason")).to_have_value(page.get_by_label("Whole address").input_value())


def test_no_page_about_people_is_wider_than_its_window(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    ada = pretend.backends.auth.ada
    ada.email = "somebody-with-a-rather-long-address@studio-of-long-names.example.org"
    ada.first_name, ada.last_name = "A first name as long as they get", "And a last name of that kind"
    ada.active = False
    pretend.backends.auth.people = {each.email: each for each in pretend.backends.auth.people.values()}
    for kind in (audit_pb2.DEED_KIND_TOKENS_GRANTED, audit_pb2.DEED_KIND_USER_CHANGED):
        pretend.backends.auth.note(kind, "user-3", "+1000000000 tokens: " + "x" * 180, user_id=ada.user_id)
    pretend.backends.auth.put_code(1_000_000_000, max_redemptions=100_000)
    desk(pretend, page, "/admin/users")

    for path in ("/admin/users", f"/admin/users/{ada.user_id}", "/admin/tokens", "/admin/codes"):
        page.goto(f"{pretend.url}{path}")
        for width in (320, 768, 1024, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
