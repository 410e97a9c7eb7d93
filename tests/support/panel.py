"""The control panel as a hand meets it: files that are dropped or pasted, numbers that are typed."""

import base64
import io
from typing import Any

import PIL.Image
from playwright.sync_api import JSHandle, Page, expect

_CARRIED = """([name, type, text]) => {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type }));
  return carried;
}"""


def carried(page: Page, name: str, kind: str, data: bytes) -> JSHandle:
    """A file on its way, as drops and the clipboard carry it."""
    return page.evaluate_handle(_CARRIED, [name, kind, base64.b64encode(data).decode()])


def drop(page: Page, place: str, name: str, kind: str, data: bytes) -> None:
    """Let go of a file over a place."""
    init = {"dataTransfer": carried(page, name, kind, data)}
    page.dispatch_event(place, "dragover", init)
    page.dispatch_event(place, "drop", init)


def paste(page: Page, place: str, data: bytes) -> None:
    """Paste a PNG."""
    page.locator(place).evaluate(
        "(element, clipboardData) => element.dispatchEvent("
        "new ClipboardEvent('paste', { clipboardData, bubbles: true }))",
        carried(page, "image.png", "image/png", data),
    )


def choose_start(page: Page, data: bytes, name: str = "start.png") -> None:
    """Choose a file as start image, and wait until the server has it."""
    page.locator("#start-file").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
    expect(page.locator("#start-words")).to_contain_text("kB")


def number(page: Page, name: str) -> str:
    """What stands in a number field."""
    return page.locator(f'input[type=number][name="{name}"]').input_value()


def type_number(page: Page, name: str, value: float) -> None:
    """Type into a number field."""
    page.locator(f'#panel input[type=number][name="{name}"]').fill(f"{value:g}")


def picture(data: bytes) -> PIL.Image.Image:
    """A file as it was sent, unpacked."""
    with PIL.Image.open(io.BytesIO(data)) as opened:
        opened.load()
        return opened


def asked(pretend: Any) -> Any:
    """The parameters of the newest task."""
    return list(pretend.backends.tasks.tasks.values())[-1].parameters
