"""What the benchmark's browsers make of a chunked event stream."""

import asyncio

from bench.ledger import sse


def reader(*chunks: bytes) -> asyncio.StreamReader:
    """A body as it comes over the wire."""
    stream = asyncio.StreamReader()
    for chunk in chunks:
        stream.feed_data(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
    stream.feed_data(b"0\r\n\r\n")
    stream.feed_eof()
    return stream


async def test_events_are_read_whole_wherever_the_chunks_are_cut() -> None:
    body = reader(b'retry: 2000\nevent: tasks\nid: 7\ndata: {"tasks":', b"[]}\n\nevent: progress\nda", b"ta: [1]\n\n")

    found = [event async for event in sse.events(sse.pieces(body))]

    assert found == [("tasks", {"tasks": []}), ("progress", [1])]


async def test_a_heartbeat_is_no_event() -> None:
    body = reader(b": still here\n", b"event: tasks\ndata: {}\n\n", b": still here\n\n")

    found = [event async for event in sse.events(sse.pieces(body))]

    assert found == [("tasks", {})]
