"""How HTTP services listen."""

import asyncio
import socket

from services.foundation import listening


async def test_the_end_of_an_answer_does_not_wait_for_word_of_its_beginning() -> None:
    listener = listening.listen("WEB_BIND", "127.0.0.1:0")
    at_once: asyncio.Queue[int] = asyncio.Queue()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_once.put_nowait(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async with await asyncio.start_server(answer, sock=listener):
        _, writer = await asyncio.open_connection(*listener.getsockname())
        writer.close()

        assert await at_once.get()
