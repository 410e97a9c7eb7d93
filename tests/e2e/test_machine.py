"""The pages for staff about the machine, in a browser: live without a reload, and a task cancelled with a reason."""

import re

import pytest
from daydream.tasks.v1 import admin_pb2, tasks_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from playwright.sync_api import Page, expect

from services.foundation import errors
from services.web.visitors import SESSION_COOKIE
from tests.e2e.conftest import NewPage
from tests.support.gateway_machine import GPU
from tests.support.gateway_people import stamp
from tests.support.machine_site import PRICE, STAFF, task_of
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]


def as_staff(pretend: Running, page: Page) -> Page:
    """A browser in which Grace, of the staff, is signed in."""

    async def sign_in() -> str:
        pretend.backends.auth.add(STAFF).staff = True
        return pretend.backends.auth.open(STAFF)[0]

    secret = pretend.do(sign_in())
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": pretend.url}])
    return page


def asked(pretend: Running, prompt: str, email: str = "ada@example.org") -> str:
    """A task of somebody's; one with "wait" stays in line until the test has it drawn."""
    return pretend.do(task_of(pretend.backends, email, f"{prompt} wait"))


def live(page: Page) -> None:
    """Return once the page follows the machine."""
    expect(page.locator("#live-words")).to_contain_text("Live, last event")


def prompts(page: Page) -> list[str]:
    """The rows of the queue, from the top."""
    return [each.removesuffix(" wait") for each in page.locator("#jobs .dd-words").all_text_contents()]


def test_the_queue_is_live_without_a_reload(pretend: Running, new_page: NewPage) -> None:
    ledger = pretend.backends.tasks
    boat = asked(pretend, "a boat")
    page = as_staff(pretend, new_page())
    page.goto(f"{pretend.url}/admin/queue")
    live(page)

    hill = asked(pretend, "a hill", "bob@example.org")
    expect(page.locator("#jobs .dd-job")).to_have_count(2)
    pretend.do(ledger.start(hill))
    pretend.do(ledger.step(hill))
    row = page.locator(f'[data-task="{hill}"]').first
    expect(row).to_contain_text("step 1 of 20")
    expect(row).to_contain_text("bob@example.org")
    expect(page.locator("#counts")).to_have_text("1 running, 1 waiting")
    # What runs stands above what waits.
    expect(page.locator("#jobs .dd-job").first).to_contain_text("a hill")
    pretend.do(ledger.deliver(hill))
    pretend.do(ledger.end(hill))
    pretend.do(ledger.cancelled(boat))

    expect(page.locator("#jobs .dd-job")).to_have_count(0)
    expect(page.get_by_text("Nothing runs and nothing waits.")).to_be_visible()
    expect(page.locator("#counts")).to_have_text("0 running, 0 waiting")


def test_no_row_moves_under_a_pointer_or_the_keyboard(pretend: Running, new_page: NewPage) -> None:
    ledger = pretend.backends.tasks
    ids = [asked(pretend, each) for each in ("a boat", "a hill", "a lake")]
    page = as_staff(pretend, new_page())
    page.goto(f"{pretend.url}/admin/queue")
    live(page)
    lake = page.locator(f'#jobs [data-task="{ids[2]}"]')

    lake.get_by_role("link", name="Cancel: a lake wait").hover()
    before = lake.bounding_box()
    pretend.do(ledger.cancelled(ids[0]))
    pretend.do(ledger.start(ids[2]))
    expect(lake).to_contain_text("step 0 of 20")
    expect(page.locator(f'#jobs [data-task="{ids[0]}"]')).to_contain_text("over")

    assert prompts(page) == ["a boat", "a hill", "a lake"]
    assert lake.bounding_box() == before
    page.mouse.move(5, 5)
    expect(page.locator("#jobs .dd-job")).to_have_count(2)
    assert prompts(page) == ["a lake", "a hill"]
    # The same while the keyboard is among them.
    link = page.locator(f'#jobs [data-task="{ids[1]}"]').get_by_role("link", name="Cancel: a hill wait")
    link.focus()
    pretend.do(ledger.cancelled(ids[2]))
    expect(lake).to_contain_text("over")
    expect(link).to_be_focused()
    page.locator("#q").focus()
    expect(page.locator("#jobs .dd-job")).to_have_count(1)


def test_a_task_is_cancelled_by_keyboard_alone_with_a_reason(pretend: Running, new_page: NewPage) -> None:
    task_id = asked(pretend, "a boat")
    before = pretend.backends.auth.people["ada@example.org"].tokens
    page = as_staff(pretend, new_page())
    page.goto(f"{pretend.url}/admin/queue")
    live(page)

    link = page.locator("#jobs").get_by_role("link", name="Cancel: a boat wait")
    link.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Cancel this task?")
    expect(dialog).to_contain_text(f"Of the {PRICE} tokens held for it")
    expect(dialog).to_contain_text("go back to ada@example.org")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    # Without a reason nothing is sent.
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.type("asked for by mistake")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").filter(has_text="Cancelled.")).to_contain_text(
        f"{PRICE} tokens went back to ada@example.org"
    )
    expect(page.locator("#jobs .dd-job")).to_have_count(0)
    assert pretend.backends.tasks.tasks[task_id].state == tasks_pb2.TASK_STATE_CANCELLED
    assert pretend.backends.auth.people["ada@example.org"].tokens == before + PRICE
    page.goto(f"{pretend.url}/admin/audit")
    expect(page.locator("#deeds li").first).to_contain_text(
        re.compile(rf"{STAFF} cancelled a task of ada@example\.org\.\s*asked for by mistake")
    )


@pytest.mark.parametrize("look", ["light", "dark"])
def test_on_a_small_screen_a_task_is_cancelled_by_touch_and_nothing_sticks_out(
    pretend: Running, new_page: NewPage, look: str
) -> None:
    task_id = asked(pretend, "a boat on a very long river that goes on and on " * 5)
    page = as_staff(pretend, new_page(390, 844, look))

    for path in ("workers", "audit", "queue"):
        page.goto(f"{pretend.url}/admin/{path}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    live(page)
    page.locator("#jobs").get_by_role("link", name="Cancel").tap()
    page.get_by_label("Reason").fill("too long")
    page.get_by_role("button", name="Cancel the task").tap()

    expect(page.get_by_role("status").filter(has_text="Cancelled.")).to_be_visible()
    assert pretend.backends.tasks.tasks[task_id].state == tasks_pb2.TASK_STATE_CANCELLED


def test_workers_are_live(pretend: Running, new_page: NewPage) -> None:
    machine = pretend.backends.machine
    task_id = asked(pretend, "a boat")
    page = as_staff(pretend, new_page())
    page.goto(f"{pretend.url}/admin/workers")
    live(page)
    card = page.get_by_role("listitem").filter(has_text=GPU)
    expect(card).to_contain_text("0 of 2")

    pretend.do(pretend.backends.tasks.start(task_id))
    expect(card).to_contain_text("1 of 2")
    machine.workers[GPU].answers = False
    # Four minutes, rounded: for as long as it may take the page to be looked at.
    machine.workers[GPU].seen_time.CopyFrom(Timestamp(seconds=stamp().seconds - 215))
    machine.workers[GPU].fate.CopyFrom(admin_pb2.Fate(waiting=1))
    pretend.do(machine.tell())

    expect(card).to_contain_text("not answering")
    expect(card).to_contain_text("Last seen 4 min ago. Its task went back to the queue.")
    expect(page.locator("#ready")).to_have_text("0 of 1 ready")


def test_a_cut_line_says_so_and_comes_back_with_the_truth(pretend: Running, new_page: NewPage) -> None:
    machine, ledger = pretend.backends.machine, pretend.backends.tasks
    boat = asked(pretend, "a boat")
    page = as_staff(pretend, new_page())
    page.goto(f"{pretend.url}/admin/queue")
    live(page)

    async def cut() -> None:
        machine.watch_refusal = errors.Unavailable("tasks is away", reason="BROKEN")
        ledger.break_watches()

    pretend.do(cut())
    expect(page.locator("#live-words")).to_have_text("The queue does not answer for the moment")
    pretend.do(ledger.cancelled(boat))
    asked(pretend, "a hill")
    machine.watch_refusal = None

    live(page)
    expect(page.locator("#jobs .dd-job")).to_have_count(1)
    assert prompts(page) == ["a hill"]


def test_all_tasks_are_searched_and_read_on_in_place(pretend: Running, new_page: NewPage) -> None:
    for number in range(23):
        asked(pretend, f"boat {number}")
    asked(pretend, "a hill", "bob@example.org")
    page = as_staff(pretend, new_page())
    page.goto(f"{pretend.url}/admin/queue")

    page.get_by_label("Words of the prompt").fill("BOAT")
    page.get_by_label("Email or id of a person").fill("ada@example.org")
    page.get_by_label("State").select_option("waiting")
    page.get_by_role("button", name="Search").click()
    # The page that was searched in has as many rows; the one that answers is waited for, and its scripts.
    page.wait_for_url(re.compile(r"/admin/queue\?q=BOAT&"))
    expect(page.locator("#rows tr")).to_have_count(20)
    page.get_by_role("link", name="Older tasks").click()

    expect(page.locator("#rows tr")).to_have_count(23)
    expect(page.get_by_role("link", name="Older tasks")).to_have_count(0)
    # A task further down is cancelled from there, and the search stays.
    page.locator("#rows").get_by_role("link", name="Cancel: boat 0 wait").click()
    page.get_by_label("Reason").fill("enough boats")
    page.get_by_role("button", name="Cancel the task").click()
    expect(page.get_by_role("status").filter(has_text="Cancelled.")).to_be_visible()
    expect(page.get_by_label("Words of the prompt")).to_have_value("BOAT")


def test_without_scripts_the_pages_work_as_pages(pretend: Running, new_page: NewPage) -> None:
    asked(pretend, "a boat")
    context = new_page().context.browser
    assert context is not None
    plain = context.new_context(java_script_enabled=False)
    page = as_staff(pretend, plain.new_page())

    page.goto(f"{pretend.url}/admin/queue")
    page.locator("#jobs").get_by_role("link", name="Cancel: a boat wait").click()
    page.get_by_label("Reason").fill("by hand")
    page.get_by_role("button", name="Cancel the task").click()

    expect(page.get_by_text("Cancelled.")).to_be_visible()
    expect(page.get_by_text("Nothing runs and nothing waits.")).to_be_visible()
    plain.close()
