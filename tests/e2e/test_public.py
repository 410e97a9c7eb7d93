"""What everybody sees, in a real browser: plans at every width, errors in both looks, the menu, the weight of pages."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from services.foundation import errors
from tests.e2e.conftest import NewPage
from tests.support import weighing
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]

MOST_BYTES = 150_000
# What lies over each other, sticks out of its card, or is cut off, among the plans and what stands in them.
WRONG_WITH_THE_PLANS = """() => {
  const card = document.querySelector(".dd-plans").getBoundingClientRect();
  const plans = [...document.querySelectorAll(".dd-plan")];
  const wrong = [];
  const over = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
    && one.top < other.bottom - 1 && other.top < one.bottom - 1;
  const all = (boxes, what) => boxes.forEach((one, at) => boxes.slice(at + 1).forEach((other) => {
    if (over(one.getBoundingClientRect(), other.getBoundingClientRect())) wrong.push(`${what}: ${one.textContent}`);
  }));
  all(plans, "plans overlap");
  for (const plan of plans) {
    all([...plan.children], "parts overlap");
    for (const part of [plan, ...plan.children]) {
      const box = part.getBoundingClientRect();
      if (box.left < card.left - 1 || box.right > card.right + 1 || box.bottom > card.bottom + 1) {
        wrong.push(`sticks out: ${part.textContent}`);
      }
      if (part.scrollWidth > part.clientWidth + 1 && part.clientWidth) wrong.push(`cut off: ${part.textContent}`);
    }
  }
  return wrong;
}"""


@pytest.mark.parametrize(
    ("text_size", "widths"), [(16, (320, 390, 600, 768, 899, 900, 1024, 1440, 1920)), (32, (640, 1024, 1440, 1920))]
)
def test_the_plans_fit_at_every_width_and_with_text_of_twice_the_size(
    pretend: Running, new_page: NewPage, text_size: int, widths: tuple[int, ...]
) -> None:
    page = new_page()
    page.goto(f"{pretend.url}/")
    page.evaluate("size => { document.documentElement.style.fontSize = `${size}px`; }", text_size)

    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})

        assert page.evaluate(WRONG_WITH_THE_PLANS) == [], width
        assert page.locator(".dd-plans").evaluate("card => card.getBoundingClientRect().right") <= width


def test_beside_each_other_the_plans_stand_on_common_lines(pretend: Running, new_page: NewPage) -> None:
    page = new_page(1024)
    page.goto(f"{pretend.url}/")

    tops = [
        page.locator(f".dd-plan > {part}").evaluate_all("parts => parts.map(each => each.getBoundingClientRect().top)")
        for part in ("h3", ".dd-plan-price", "ul", "p.dd-meta", ".btn")
    ]

    assert [len(set(each)) for each in tops] == [1] * 5


def test_no_plan_can_be_bought_and_the_page_says_why(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{pretend.url}/#plans")

    for name in ("Subscribe to Morning", "Subscribe to All day"):
        button = page.get_by_role("button", name=name)
        expect(button).to_be_disabled()
        expect(button).to_have_accessible_description(re.compile("No payment is connected"))
    expect(page.locator(".dd-plan").first).to_contain_text("100 tokens when you sign up")


def error_pages(pretend: Running, page: Page) -> dict[int, str]:
    """A way to each error that a visitor can bring about, by its status."""
    gallery = pretend.backends.gallery
    found = {}

    def look(status: int, path: str) -> None:
        answer = page.goto(f"{pretend.url}{path}")
        assert answer is not None
        assert answer.status == status
        found[status] = page.get_by_role("heading", level=1).inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= page.evaluate("window.innerWidth"), status
        expect(page.locator("main .btn-primary")).to_be_visible()
        expect(page.get_by_role("link", name="Daydream")).to_be_visible()

    look(404, "/nothing")
    look(405, "/sign-out")
    look(422, "/gallery?cursor=nonsense")
    gallery.refusal = errors.TooMuch("Too many at once.", retry_after=9)
    look(429, "/gallery")
    gallery.refusal = errors.Unexpected()
    look(500, "/gallery")
    gallery.refusal = None
    secret, _ = pretend.backends.auth.open("ada@example.org")
    page.context.add_cookies([{"name": "dd_session", "value": secret, "url": pretend.url}])
    look(403, "/admin/gallery")
    pretend.do(pretend.backends.tasks_server.drain(0))
    look(503, "/studio")
    return found


@pytest.mark.parametrize(("width", "look"), [(1440, "light"), (390, "dark")])
def test_an_error_is_a_page_that_leads_on(pretend: Running, new_page: NewPage, width: int, look: str) -> None:
    page = new_page(width, look=look)

    told = error_pages(pretend, page)

    assert len(set(told.values())) == len(told)
    assert page.evaluate("document.documentElement.dataset.bsTheme") == look


def test_the_menu_opens_at_its_first_press_and_closes_by_key(pretend: Running, new_page: NewPage) -> None:
    page = new_page(390)
    page.goto(f"{pretend.url}/")

    page.get_by_role("button", name="Menu", exact=True).click()

    expect(page.get_by_role("dialog", name="Menu")).to_be_visible()
    # It has come to rest: only then it takes the keyboard to itself.
    expect(page.locator("#menu")).to_have_class(re.compile(r"\bshow\b"))
    page.get_by_role("dialog").get_by_role("link", name="Gallery").focus()
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    expect(page.get_by_role("button", name="Menu", exact=True)).to_be_focused()


@pytest.mark.parametrize("path", ["/studio", "/", "/gallery", "/docs"])
def test_a_first_visit_weighs_little(pretend: Running, browser: Browser, path: str) -> None:
    secret, _ = pretend.backends.auth.open("ada@example.org")

    transfers = weighing.weigh(browser, pretend.url, path, secret=secret)

    told = sorted(((each.bytes, each.address) for each in transfers), reverse=True)
    assert {each.kind for each in transfers} >= {"Document", "Stylesheet", "Script"}
    assert weighing.without_pictures(transfers) < MOST_BYTES, told[:20]
