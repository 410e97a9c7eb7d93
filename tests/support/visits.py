"""Every page of the site as somebody stands before it, for whoever looks at all of them: accessibility, screenshots."""

import datetime
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Page, expect

Who = Literal["nobody", "painter", "staff"]
WIDE = 768
"""From here on the panel stands beside the timeline; below it would cover it."""


def _nothing(_page: Page) -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One view of one page."""

    name: str
    """What to call it, in file names too."""
    path: str
    """Where it is."""
    who: Who = "nobody"
    """Who looks: nobody has signed in, a painter has pictures, staff look after everything."""
    arrange: Callable[[Page], None] = _nothing
    """What is pressed there before one looks."""
    narrow_only: bool = False
    """There only on a narrow window."""
    shown: bool = False
    """Among the screenshots."""


def open_panel(page: Page) -> None:
    """The control panel, beside the timeline or as a sheet."""
    if page.locator("#panel").is_hidden():
        page.get_by_role("button", name="Open the controls").click()
    expect(page.locator("#panel")).to_be_visible()


def pictures_are_there(page: Page) -> None:
    """The timeline has hung its first pictures."""
    expect(page.locator(".dd-tile-open img").first).to_have_js_property("complete", True)


def _sheet(page: Page) -> None:
    open_panel(page)
    page.get_by_role("button", name="Explain every control").click()


def _with_panel(page: Page) -> None:
    pictures_are_there(page)
    open_panel(page)


def _viewer(page: Page) -> None:
    page.locator(".dd-tile-open").first.click()
    expect(page.locator("#viewer")).to_be_visible()
    expect(page.locator("#viewer-image")).to_have_js_property("complete", True)
    expect(page.locator("#viewer-image")).not_to_have_js_property("naturalWidth", 0)


def _select(page: Page) -> None:
    pictures_are_there(page)
    page.get_by_role("button", name="Select", exact=True).click()
    # By the keyboard: pictures that still come move what is under the pointer. By its own name: they also make another
    # the second.
    image = page.locator(".dd-task [data-image]").nth(1).get_attribute("data-image")
    tick = page.locator(f'.dd-task [data-image="{image}"] input[type=checkbox]')
    tick.press("Space")
    expect(tick).to_be_checked()


def _question(page: Page) -> None:
    _viewer(page)
    page.keyboard.press("Delete")
    expect(page.locator("#confirm")).to_be_visible()


def _person(page: Page) -> None:
    page.get_by_role("link", name="desk").first.click()
    page.wait_for_url("**/admin/users/*")


def _running(page: Page) -> None:
    open_panel(page)
    page.locator("#prompt").fill("a lighthouse by the sea at night under a full moon")
    for name, value in (("samples", "4"), ("steps", "50")):
        page.locator(f'#panel input[type=number][name="{name}"]').fill(value)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#now.has-preview")).to_be_visible(timeout=120_000)
    open_panel(page)


EVERY = (
    Visit(name="landing", path="/", shown=True),
    Visit(name="gallery", path="/gallery", shown=True),
    Visit(name="documentation", path="/docs"),
    Visit(name="terms", path="/terms"),
    Visit(name="sign-in", path="/sign-in", shown=True),
    Visit(name="sign-up", path="/sign-up"),
    Visit(name="new-password", path="/reset-password?token=a-link-that-was-never-made"),
    Visit(name="missing", path="/nothing"),
    Visit(name="forbidden", path="/admin/users", who="painter"),
    Visit(name="studio", path="/studio", who="painter", arrange=_with_panel, shown=True),
    Visit(name="studio-closed", path="/studio", who="painter", arrange=pictures_are_there),
    Visit(name="studio-help", path="/studio", who="painter", arrange=_sheet, shown=True),
    Visit(name="studio-viewer", path="/studio", who="painter", arrange=_viewer, shown=True),
    Visit(name="studio-running", path="/studio", who="painter", arrange=_running, shown=True),
    Visit(name="studio-select", path="/studio", who="painter", arrange=_select),
    Visit(name="studio-question", path="/studio", who="painter", arrange=_question),
    Visit(name="studio-empty", path="/studio", who="staff", shown=True),
    Visit(name="account", path="/account", who="painter", shown=True),
    Visit(name="account-settings", path="/account/settings", who="painter"),
    Visit(name="account-tokens", path="/account/tokens", who="painter", shown=True),
    Visit(name="account-keys", path="/account/keys", who="painter"),
    Visit(name="account-sessions", path="/account/sessions", who="painter"),
    Visit(name="account-archive", path="/account/archive", who="painter"),
    Visit(name="admin-users", path="/admin/users", who="staff", shown=True),
    Visit(name="admin-person", path="/admin/users", who="staff", arrange=_person),
    Visit(name="admin-tokens", path="/admin/tokens", who="staff"),
    Visit(name="admin-codes", path="/admin/codes", who="staff"),
    Visit(name="admin-queue", path="/admin/queue", who="staff", shown=True),
    Visit(name="admin-workers", path="/admin/workers", who="staff", shown=True),
    Visit(name="admin-gallery", path="/admin/gallery", who="staff"),
    Visit(name="admin-audit", path="/admin/audit", who="staff"),
)


FRAME = "#frame[aria-busy=false] iframe"
"""A plugin's page that stands there, and hears what is pressed in it."""


def _framed(page: Page) -> None:
    expect(page.frame_locator(FRAME).get_by_role("button", name="submit")).to_be_visible()


def _choosing(page: Page) -> None:
    _framed(page)
    page.frame_locator(FRAME).get_by_role("button", name="choose file").first.click()
    expect(page.locator(".dd-choose-tile").first).to_be_visible()


def _done(page: Page) -> None:
    _resized(page)
    expect(page.locator("#task-chip")).to_have_text("done", timeout=60_000)
    expect(page.locator("#task-outs img").first).not_to_have_js_property("naturalWidth", 0)


def _resized(page: Page) -> None:
    _choosing(page)
    page.locator(".dd-choose-tile").first.click()
    frame = page.frame_locator(FRAME)
    for name in ("Width", "Height"):
        frame.get_by_label(name).fill("128")
    frame.get_by_role("button", name="submit").click()
    expect(page.locator("#task")).to_be_visible()


PLUGINS = (
    Visit(name="plugins", path="/plugins", who="painter"),
    Visit(name="plugins-form", path="/plugins/image-resize", who="painter", arrange=_framed),
    Visit(name="plugins-choose", path="/plugins/image-resize", who="painter", arrange=_choosing),
    Visit(name="plugins-task", path="/plugins/image-resize", who="painter", arrange=_resized),
    Visit(name="admin-plugins", path="/admin/plugins", who="staff"),
)
"""Where there is a plugin host."""
PLUGINS_AT_WORK = (
    Visit(name="plugins-result", path="/plugins/image-resize", who="painter", arrange=_done, shown=True),
)
"""Where it has a worker too."""


def go(page: Page, url: str, visit: Visit) -> None:
    """Stand before it, as it is looked at."""
    page.goto(f"{url}{visit.path}")
    page.wait_for_load_state("networkidle" if not visit.path.startswith(("/studio", "/admin")) else "load")
    visit.arrange(page)


def size_today(visit: Visit, look: str) -> str:
    """Whether a look is at a wide window or a narrow one: each day the other way round."""
    if visit.narrow_only:
        return "narrow"
    # Every other day, as the looks take turns each day: in four days there was every look at either size.
    turn = zlib.crc32(visit.name.encode()) + datetime.datetime.now(tz=datetime.UTC).date().toordinal() // 2
    return ("wide", "narrow")[(turn + (look == "dark")) % 2]
