"""The gateway before a full ledger: how long each page takes, and what a first visit fetches."""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import sync_playwright

from bench.engine.figures import percentile
from bench.ledger import rig
from bench.web import filling
from services.web.visitors import SESSION_COOKIE
from tests.support import chromium, weighing
from tests.support.postgres import Postgres

PAGES: Final = ("/studio", "/studio?scope=all", "/gallery", "/account", "/account/tokens")
TASKS: Final = 10_000
REQUESTS: Final = 200
AT_ONCE: Final = (1, 8)
WARM_UP: Final = 20


async def measure(folder: Path, *, database: str, tasks: int, requests: int) -> dict[str, Any]:
    """Every page's times with so many tasks of one person in the `database` (sqlite or postgresql), and its weight."""
    if database == "sqlite":
        return await _measure(folder, None, tasks=tasks, requests=requests)
    with rig.durable_postgres() as postgres:
        return await _measure(folder, postgres, tasks=tasks, requests=requests)


async def _measure(folder: Path, postgres: Postgres | None, *, tasks: int, requests: int) -> dict[str, Any]:
    async with rig.running(folder, postgres=postgres) as running:
        worker = running.worker()
        replica = await running.ledger(worker.target)
        (person,) = await running.people(1)
        who = person.visitor
        await filling.ledger(running.tasks_url, user_id=who.user_id, session_id=who.session_id, count=tasks)
        await filling.purse(running.auth_url, user_id=who.user_id, count=tasks)
        _, port = await running.gateway(replica)
        url = f"http://127.0.0.1:{port}"
        cookies = {SESSION_COOKIE: person.opened.secret}
        async with httpx.AsyncClient(base_url=url, cookies=cookies, timeout=60) as client:
            times = {page: await _times(client, page, requests=requests) for page in PAGES}
        weights = await asyncio.to_thread(_weights, url, person.opened.secret)
    return {"tasks": tasks, "requests": requests, "pages": times, "weights": weights}


async def _times(client: httpx.AsyncClient, page: str, *, requests: int) -> Mapping[str, Any]:
    """p50 and p95 in milliseconds, from the request to the last byte of its page, by how many ask at once."""
    for _ in range(min(WARM_UP, requests)):
        await _ask(client, page)
    return {str(callers): await _together(client, page, requests=requests, callers=callers) for callers in AT_ONCE}


async def _together(client: httpx.AsyncClient, page: str, *, requests: int, callers: int) -> Mapping[str, Any]:
    numbers, taken = itertools.count(), []

    async def caller() -> None:
        while next(numbers) < requests:
            taken.append(await _ask(client, page))

    await asyncio.gather(*(caller() for _ in range(callers)))
    return {"count": len(taken), "p50": percentile(taken, 50), "p95": percentile(taken, 95), "most": max(taken)}


async def _ask(client: httpx.AsyncClient, page: str) -> float:
    begun = time.perf_counter()
    answer = await client.get(page, headers={"Accept": "text/html"})
    taken = 1000 * (time.perf_counter() - begun)
    if answer.status_code != 200:
        raise RuntimeError(f"{page} answered {answer.status_code}")
    return taken


def _weights(url: str, secret: str) -> Mapping[str, Any]:
    path = chromium.find()
    if path is None:
        return {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        found = {page: _weight(weighing.weigh(browser, url, page, secret=secret)) for page in PAGES}
        browser.close()
    return found


def _weight(transfers: Sequence[weighing.Transfer]) -> Mapping[str, int]:
    page = next(each.bytes for each in transfers if each.kind == "Document")
    return {"requests": len(transfers), "bytes": weighing.without_pictures(transfers), "page": page}
