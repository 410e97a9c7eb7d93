"""The plugin host, as the gateway asks it: what is loaded, and what each plugin says of itself.

It is another service with its own plugins in its answers, so every call has its time and its size, and a host that is
away is told as one sentence.
"""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from services.foundation import errors, logs
from services.web.backends import plugin_words
from services.web.backends.plugin_sayings import Patience, Sayings
from services.web.backends.plugin_words import Failure, Places, Plugin

log = logs.logger(__name__)

_PATIENCE: Final = Patience()
_HUNG_SECONDS: Final = 5.0
"""So long a host that let the time for its list run out is away without being asked."""
MOST_BYTES: Final = 4 * 1024 * 1024


class PluginsUnavailable(errors.Unavailable):
    """The plugins do not answer at the moment. Nothing else is affected; try again in a moment."""

    reason = "PLUGINS_UNAVAILABLE"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the host has."""

    plugins: tuple[Plugin, ...]
    """By title."""
    failures: tuple[Failure, ...]
    """What could not be loaded, for staff; else empty."""


class Plugins:
    """The plugin host."""

    def __init__(
        self,
        *,
        url: str,
        target: str,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        patience: Patience = _PATIENCE,
    ) -> None:
        """`url` is the host's outside origin, `target` the one that the gateway asks it at. Connects at a call."""
        self.origin = url
        self._places = Places(url, target)
        self._http = httpx.AsyncClient(
            base_url=target,
            # The host makes the addresses in its answers from this: they are for browsers.
            headers={"Host": urlsplit(url).netloc, "Accept": "application/json"},
            timeout=patience.answer,
            transport=transport,
            trust_env=False,
        )
        self._clock = clock
        self._patience = patience
        self._sayings = Sayings(self._get, clock=clock, patience=patience)
        # By whether staff asks: they alone are told where a failure is.
        self._listing: dict[bool, asyncio.Task[Any]] = {}
        self._hung_until: float | None = None

    async def known(self, token: str, *, for_staff: bool = False) -> Known:
        """Everything loaded; what is not as well where the token is of staff. Raises PluginsUnavailable."""
        answer = await self._listed(token, for_staff=for_staff)
        entries = [(each, self._places.path(each.get("apiRoot"))) for each in plugin_words.listed(answer)]
        await self._sayings.refresh({root for _, root in entries if root}, token)
        # One that is elsewhere cannot be framed here.
        found = [plugin_words.plugin(each, self._sayings.of(root), self._places) for each, root in entries if root]
        return Known(
            plugins=tuple(plugin_words.in_order(found)),
            failures=tuple(plugin_words.failures(answer)) if for_staff else (),
        )

    async def close(self) -> None:
        """Give the connections back."""
        for each in self._listing.values():
            each.cancel()
        await self._sayings.close()
        await self._http.aclose()

    async def _listed(self, token: str, *, for_staff: bool) -> Any:
        """The list, asked once for all who want it now; a host that hung last time makes one asker wait, and no other.

        Whoever waits holds one of the gateway's few threads, and the rest of the studio needs those.
        """
        if self._hung_until is not None and (self._listing or self._clock() < self._hung_until):
            raise PluginsUnavailable
        asking = self._listing.get(for_staff)
        if asking is None:
            asking = asyncio.create_task(self._ask_for_list(token), name="the list of plugins")
            self._listing[for_staff] = asking
            asking.add_done_callback(lambda _: self._listing.pop(for_staff))
        try:
            # Who goes away takes nobody's answer along.
            return await asyncio.shield(asking)
        # RecursionError: what is nested too deep to be read.
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            raise PluginsUnavailable from error

    async def _ask_for_list(self, token: str) -> Any:
        hung_until = None
        try:
            async with asyncio.timeout(self._patience.listing):
                return await self._get("/plugins/", token)
        except (TimeoutError, httpx.TimeoutException):
            log.warning("the plugin host does not answer in time")
            hung_until = self._clock() + _HUNG_SECONDS
            raise
        except Exception as error:
            log.warning("the plugin host does not answer", error=repr(error))
            raise
        finally:
            self._hung_until = hung_until

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
