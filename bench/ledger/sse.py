"""Browsers that follow `/events`, many of them in one process: as little HTTP as reads the gateway's event streams."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any, Final

OPEN_SECONDS: Final = 60.0


class Refused(Exception):
    """The stream was not opened; the message is the status line."""


class Follower:
    """One open stream; every event that is read goes to `heard`."""

    def __init__(self, port: int, secret: str) -> None:
        """`secret` is what the session's cookie carries. Nothing is open yet."""
        self._port, self._secret = port, secret
        self.heard: list[tuple[float, str, Any]] = []
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._told = asyncio.Event()

    async def open(self) -> None:
        """Return once the first event is there. Raises Refused."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        request = (
            "GET /events?scope=all HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
            f"Cookie: dd_session={self._secret}\r\n\r\n"
        )
        self._writer.write(request.encode())
        status = (await reader.readline()).decode().strip()
        if " 200 " not in f"{status} ":
            self.vanish()
            raise Refused(status)
        while (await reader.readline()).strip():
            pass
        self._reading = asyncio.create_task(self._read(reader))
        async with asyncio.timeout(OPEN_SECONDS):
            await self._told.wait()

    def vanish(self) -> None:
        """Be gone without a word, as a laptop that is shut."""
        if self._reading is not None:
            self._reading.cancel()
        if self._writer is not None:
            self._writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            async for name, data in events(pieces(reader)):
                self.heard.append((time.perf_counter(), name, data))
                self._told.set()


async def pieces(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The chunks of a chunked body."""
    while size := int((await reader.readline()).strip() or b"0", 16):
        yield await reader.readexactly(size)
        await reader.readline()


async def events(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, Any]]:
    """Each event's name and data; comments and hints are passed over."""
    left = b""
    async for chunk in chunks:
        *whole, left = (left + chunk).split(b"\n\n")
        for block in whole:
            fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if line and not line.startswith(b":"))
            if b"data" in fields:
                yield fields.get(b"event", b"message").decode(), json.loads(fields[b"data"])
