"""A CSV file that is larger than its filter's memory may be, over HTTP from here, through the filter, and back."""

import asyncio
import contextlib
import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from bench.plugins.rig import PLUGIN, Host, peak_megabytes

_TEXT: Final = "a red house under a yellow sun, with a lighthouse on the right and mountains behind it"
_ROWS: Final = 20_000
_PATIENCE_SECONDS: Final = 3600.0


def write(file: Path, *, megabytes: int) -> int:
    """Write a CSV file of at least so many megabytes (10^6 bytes); its rows, whose IDs are numbers from 0."""
    rows = 0
    with file.open("w", encoding="ascii", newline="") as out:
        out.write('"ID","href","title","x","y"\r\n')
        while out.tell() < megabytes * 1_000_000:
            out.write("".join(f'"{n}","","{_TEXT}","{n % 97}.5","{n % 89}.25"\r\n' for n in range(rows, rows + _ROWS)))
            rows += _ROWS
    return rows


@contextlib.contextmanager
def offered(file: Path) -> Iterator[str]:
    """The file's URL while it is served."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(file.stat().st_size))
            self.end_headers()
            with file.open("rb") as content, contextlib.suppress(ConnectionError):
                shutil.copyfileobj(content, self.wfile, 1 << 20)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/entities.csv"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def measure(host: Host, url: str, *, rows: int, size: int) -> dict[str, Any]:
    """Keep every tenth row, fetch the result, and see how much memory the processes ever had. Sizes in 10^6 bytes."""
    before = {child.pid: peak_megabytes(child.pid) for child in host.children()}
    begun = time.perf_counter()
    async with httpx.AsyncClient(base_url=host.url, timeout=600) as client:
        answer = await client.post(f"{PLUGIN}/filter/", data={"dataUrl": url, "ending": "7"})
        task = await _ended(client, answer.headers["location"])
        seconds = time.perf_counter() - begun
        kept, bytes_back = await _fetch(client, task["outputs"][0]["href"])
    if kept != rows // 10:
        raise RuntimeError(f"of {rows} rows {kept} came back instead of {rows // 10}")
    return {
        "megabytes": size / 1e6,
        "rows": rows,
        "seconds": seconds,
        "result_megabytes": bytes_back / 1e6,
        "idle_peak_megabytes": max(before.values()),
        "worker_peak_megabytes": max(peak_megabytes(child.pid) for child in host.children()),
        "host_peak_megabytes": peak_megabytes(host.serving.process.pid),
    }


async def _ended(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            task: dict[str, Any] = (await client.get(address)).json()
            if task["status"] == "SUCCESS":
                return task
            if task["status"] != "PENDING":
                raise RuntimeError(f"the filter ended as {task['status']}: {task['log']}")
            await asyncio.sleep(0.2)


async def _fetch(client: httpx.AsyncClient, href: str) -> tuple[int, int]:
    """Rows below the header, and bytes."""
    lines = size = 0
    async with client.stream("GET", href) as answer:
        async for piece in answer.aiter_bytes():
            lines += piece.count(b"\n")
            size += len(piece)
    return lines - 1, size
