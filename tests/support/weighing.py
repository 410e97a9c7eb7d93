"""What a page weighs on a first visit: every transfer of a browser that holds nothing, as it came over the wire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Browser


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One answer that came to its end."""

    address: str
    """Its path."""
    kind: str
    """What the browser took it for: Document, Stylesheet, Script, Image, …"""
    bytes: int
    """Head and body, as they were sent."""


def weigh(browser: Browser, url: str, path: str, *, secret: str = "", width: int = 1440) -> Sequence[Transfer]:
    """The transfers of a page up to the moment when it has been quiet for half a second; `secret` is the session's."""
    context = browser.new_context(viewport={"width": width, "height": 1000})
    if secret:
        context.add_cookies([{"name": "dd_session", "value": secret, "url": url}])
    try:
        # A guard against hanging: many browsers may share the machine.
        context.set_default_timeout(120_000)
        page = context.new_page()
        session = context.new_cdp_session(page)
        kinds: dict[str, tuple[str, str]] = {}
        transfers: list[Transfer] = []

        def begun(event: dict[str, Any]) -> None:
            kinds[event["requestId"]] = (event["response"]["url"].removeprefix(url), event["type"])

        def ended(event: dict[str, Any]) -> None:
            address, kind = kinds.get(event["requestId"], ("", "Other"))
            transfers.append(Transfer(address=address, kind=kind, bytes=int(event["encodedDataLength"])))

        session.on("Network.responseReceived", begun)
        session.on("Network.loadingFinished", ended)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        # A stream of events stays open, so the page never falls silent as a whole.
        with page.expect_event("load"):
            page.goto(f"{url}{path}", wait_until="commit")
        page.wait_for_function(
            "() => performance.getEntriesByType('resource').every(each => performance.now() - each.responseEnd > 500)"
        )
        return tuple(transfers)
    finally:
        context.close()


def without_pictures(transfers: Sequence[Transfer]) -> int:
    """Bytes of everything that is no picture; icons and marks drawn as SVG count."""
    return sum(each.bytes for each in transfers if each.kind != "Image" or each.address.endswith(".svg"))
