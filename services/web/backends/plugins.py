"""The plugin host, as the gateway asks it: what is loaded, and what each plugin says of itself.

It is another service with its own plugins in its answers, so every call has its time and its size, and a host that is
away is told as one sentence.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from services.foundation import errors, logs
from services.web.backends import plugin_words
from services.web.backends.plugin_words import Failure, Places, Plugin

log = logs.logger(__name__)

LIST_SECONDS: Final = 5.0
ABOUT_SECONDS: Final = 3.0
"""For what all plugins together say of themselves; who is later is shown with what the list has."""
MOST_BYTES: Final = 4 * 1024 * 1024
_AT_ONCE: Final = 8
_MOST_KEPT: Final = 2_000
_KEPT_SECONDS: Final = 60.0
_SILENT_SECONDS: Final = 10.0
"""So long a plugin that said nothing of use is not asked again."""


class PluginsUnavailable(errors.Unavailable):
    """The plugins do not answer at the moment. Nothing else is affected; try again in a moment."""

    reason = "PLUGINS_UNAVAILABLE"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the host has."""

    plugins: tuple[Plugin, ...]
    """By title."""
    failures: tuple[Failure, ...]
    """What could not be loaded."""


class Plugins:
    """The plugin host."""

    def __init__(
        self,
        *,
        url: str,
        target: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` is the host's outside origin, `target` the one that the gateway asks it at. Connects at a call."""
        self.origin = url
        self._places = Places(url, target)
        self._http = httpx.AsyncClient(
            base_url=target,
            # The host makes the addresses in its answers from this: they are for browsers.
            headers={"Host": urlsplit(url).netloc, "Accept": "application/json"},
            timeout=LIST_SECONDS,
            transport=transport,
            trust_env=False,
        )
        self._clock = clock
        self._about: dict[str, tuple[float, Any]] = {}

    async def known(self, token: str) -> Known:
        """Everything loaded, as whoever the token is of may know it. Raises PluginsUnavailable."""
        try:
            async with asyncio.timeout(LIST_SECONDS):
                answer = await self._get("/plugins/", token)
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            log.warning("the plugin host does not answer", error=repr(error))
            raise PluginsUnavailable from error
        entries = plugin_words.listed(answer)
        await self._ask_about(entries, token)
        found = [plugin_words.plugin(each, self._said(each), self._places) for each in entries]
        return Known(
            # One that is elsewhere cannot be framed here.
            plugins=tuple(sorted((each for each in found if each.root), key=lambda each: each.title.casefold())),
            failures=tuple(plugin_words.failures(answer)),
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    def _said(self, entry: Mapping[str, Any]) -> Any:
        return self._about.get(self._places.path(entry.get("apiRoot")), (0.0, None))[1]

    async def _ask_about(self, entries: list[Mapping[str, Any]], token: str) -> None:
        now = self._clock()
        roots = {self._places.path(each.get("apiRoot")) for each in entries} - {""}
        if len(self._about) > _MOST_KEPT:
            self._about = {root: kept for root, kept in self._about.items() if root in roots}
        asked = [root for root in roots if self._about.get(root, (0.0, None))[0] <= now]
        room = asyncio.Semaphore(_AT_ONCE)

        async def ask(root: str) -> None:
            async with room:
                try:
                    about = await self._get(root, token)
                except (httpx.HTTPError, ValueError) as error:
                    log.info("a plugin says nothing of itself", plugin=root, error=repr(error))
                    # What it said before is better than nothing.
                    self._about[root] = (self._clock() + _SILENT_SECONDS, self._about.get(root, (0.0, None))[1])
                    return
            self._about[root] = (self._clock() + _KEPT_SECONDS, about)

        asking = [asyncio.ensure_future(ask(root)) for root in asked]
        if asking:
            _done, late = await asyncio.wait(asking, timeout=ABOUT_SECONDS)
            for each in late:
                each.cancel()

    async def _get(self, path: str, token: str) -> Any:
        body = bytearray()
        headers = {"Authorization": f"Bearer {token}"}
        async with self._http.stream("GET", path, headers=headers) as response:
            response.raise_for_status()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise ValueError("the answer is too large")
        return json.loads(body)
