"""Who listens to the gateway's event streams, and what happens meanwhile."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import httpx_sse

from services.web.visitors import SESSION_COOKIE
from tests.support.gateway import Served, until
from tests.support.gateway_backends import FakeTasks

Event = tuple[str, Any, str]


class Listener:
    """Reads a stream in the background and keeps what it heard."""

    def __init__(self, http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> None:
        self.heard: list[Event] = []
        self.comments = 0
        self.status = 0
        self.ended = False
        self._http, self._path, self._headers = http, path, headers

    async def run(self) -> None:
        """Until the server ends it."""
        async with self._http.stream("GET", self._path, headers=self._headers) as answer:
            self.status = answer.status_code
            decoder = httpx_sse._decoders.SSEDecoder()
            async for line in answer.aiter_lines():
                self.comments += line.startswith(":")
                event = decoder.decode(line)
                if event is not None and event.data:
                    self.heard.append((event.event, json.loads(event.data), event.id))
        self.ended = True

    def of(self, name: str) -> list[Event]:
        """Events of one name."""
        return [each for each in self.heard if each[0] == name]


@contextlib.asynccontextmanager
async def listening(served: Served, path: str, **headers: str) -> AsyncIterator[Listener]:
    """A listener that is connected, and gone afterwards."""
    listener = Listener(served.http, path, headers)
    reading = asyncio.create_task(listener.run())
    await until(lambda: listener.status != 0)
    try:
        yield listener
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


async def asked(served: Served, **more: Any) -> str:
    """A task of the signed-in browser; its id."""
    headers = await served.script_headers()
    answer = await served.http.post("/studio/tasks", json={"prompt": "a red house", **more}, headers=headers)
    task_id: str = answer.json()["id"]
    return task_id


async def drawn(ledger: FakeTasks, task_id: str) -> None:
    """Play a task to its end."""
    await ledger.start(task_id)
    await ledger.step(task_id)
    await ledger.deliver(task_id)
    await ledger.end(task_id)


def sign_in(served: Served, email: str = "ada@example.org") -> None:
    """As `Site.sign_in_as`, for a host with a port."""
    secret, _ = served.backends.auth.open(email)
    served.http.cookies.set(SESSION_COOKIE, secret, domain="127.0.0.1")
