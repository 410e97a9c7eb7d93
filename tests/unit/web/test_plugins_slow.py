"""Plugins that are slow, fail or hang, and a host that does: what the gateway's pages get, and how long they wait."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.web.backends.plugin_sayings import Patience
from services.web.backends.plugins import Known, Plugins, PluginsUnavailable

ORIGIN = "https://plugins.example.org"
LIST = "/plugins/"
DEEP = "[" * 100_000
PAGES_WAIT = Patience(listing=60, view=60, turn=0.05, answer=60)
"""Whoever waits for a plugin that says nothing waits for longer than these tests last."""


class Hardship(httpx.AsyncBaseTransport):
    """A host whose answers may be held back, or go wrong."""

    def __init__(self) -> None:
        """Everything answers at once."""
        self.plugins: list[str] = []
        self.answers: dict[str, Callable[[], str]] = {}
        self.held: set[str] = set()
        self.freed = asyncio.Event()
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """By its path."""
        path = request.url.path
        self.asked.append(path)
        if path in self.held:
            await self.freed.wait()
        return httpx.Response(200, text=self.answers.get(path, lambda: json.dumps(self.told(path)))())

    def told(self, path: str) -> dict[str, Any]:
        """What a sound host says there."""
        if path != LIST:
            return {"title": f"About {path}", "entryPoint": {"uiHref": "./ui/"}}
        listed = [{"identifier": each, "name": each, "apiRoot": f"{ORIGIN}{root(each)}"} for each in self.plugins]
        return {"plugins": listed, "failed": [{"name": "broken", "cause": "it is"}]}


class Clock:
    """Stands until it is set on."""

    now = 0.0

    def __call__(self) -> float:
        """In seconds."""
        return self.now


def root(name: str) -> str:
    return f"/plugins/{name}/"


@contextlib.asynccontextmanager
async def before(host: Hardship, patience: Patience, clock: Clock) -> AsyncIterator[Plugins]:
    plugins = Plugins(url=ORIGIN, target=ORIGIN, transport=host, clock=clock, patience=patience)
    try:
        yield plugins
    finally:
        await plugins.close()


@pytest.fixture
def host() -> Hardship:
    return Hardship()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def plugins(host: Hardship, clock: Clock) -> AsyncIterator[Plugins]:
    """Before this host, with pages that would wait for a minute."""
    async with before(host, PAGES_WAIT, clock) as plugins:
        yield plugins


async def soon(plugins: Plugins, wanted: Callable[[Known], bool] = lambda _: True) -> Known:
    """What a page gets that is given up rather than made to wait, and asked for again."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    known = await plugins.known("token")
                    if wanted(known):
                        return known
            await asyncio.sleep(0)


def pages(known: Known) -> dict[str, str]:
    return {each.name: each.page for each in known.plugins}


@pytest.mark.parametrize("count", [1, 9])
async def test_slow_plugins_hold_up_neither_pages_nor_each_other_and_are_asked_once(
    plugins: Plugins, host: Hardship, count: int
) -> None:
    slow = [f"slow-{number}" for number in range(count)]
    host.plugins, host.held = [*slow, "sound"], {root(name) for name in slow}

    known = await soon(plugins)
    healthy = await soon(plugins, lambda known: bool(pages(known)["sound"]))

    assert {pages(known)[name] for name in slow} == {pages(healthy)[name] for name in slow} == {""}
    assert sorted({*host.asked}) == sorted([LIST, *(root(name) for name in host.plugins)])
    assert all(host.asked.count(root(name)) == 1 for name in host.plugins)


async def test_what_a_slow_plugin_says_counts_when_it_comes(plugins: Plugins, host: Hardship) -> None:
    host.plugins, host.held = ["slow"], {root("slow")}
    early = await soon(plugins)

    host.freed.set()
    late = await soon(plugins, lambda known: bool(pages(known)["slow"]))

    assert pages(early) == {"slow": ""}
    assert pages(late) == {"slow": "/plugins/slow/ui/"}
    assert host.asked.count(root("slow")) == 1


def _raises() -> str:
    raise RuntimeError("not of any kind that is foreseen")


@pytest.mark.parametrize("wrong", [lambda: DEEP, lambda: "no JSON", _raises], ids=["deep", "no-json", "raises"])
async def test_a_plugin_whose_answer_goes_wrong_in_any_way_is_left_alone_for_a_while(
    host: Hardship, clock: Clock, wrong: Callable[[], str]
) -> None:
    host.plugins, host.answers = ["odd", "sound"], {root("odd"): wrong}

    # It is quick: one whose turn was over first would be left alone for longer.
    async with before(host, replace(PAGES_WAIT, turn=60), clock) as plugins:
        known = [await plugins.known("token") for _ in range(2)]
        asked = host.asked.count(root("odd"))
        clock.now += 11
        del host.answers[root("odd")]
        after = await plugins.known("token")

    assert [pages(each)["odd"] for each in [*known, after]] == ["", "", "/plugins/odd/ui/"]
    assert all(pages(each)["sound"] for each in known)
    assert asked == 1


async def test_all_who_want_the_list_share_one_question_and_staff_have_their_own(
    plugins: Plugins, host: Hardship
) -> None:
    everybody = await asyncio.gather(*(plugins.known("token", for_staff=staff) for staff in (False, True) * 3))

    assert host.asked == [LIST, LIST]
    assert [[each.name for each in known.failures] for known in everybody] == [[], ["broken"]] * 3


async def test_a_host_that_hangs_makes_one_asker_wait_and_is_away_to_all_others(host: Hardship, clock: Clock) -> None:
    async def told(plugins: Plugins, *, times: int) -> list[str]:
        asking = (plugins.known("token", for_staff=bool(at % 2)) for at in range(times))
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        return [type(each).__name__ for each in outcomes]

    host.held, counts = {LIST}, []
    async with before(host, Patience(listing=1), clock) as plugins:
        first = await plugins_unavailable(plugins)
        at_once = await told(plugins, times=5)
        counts.append(len(host.asked))
        clock.now += 5
        later = await told(plugins, times=5)
        counts.append(len(host.asked))
        clock.now += 5
        host.freed.set()
        back = await told(plugins, times=1) + await told(plugins, times=5)

    assert first
    assert at_once == later == [PluginsUnavailable.__name__] * 5
    assert counts == [1, 2]
    assert back == [Known.__name__] * 6


async def plugins_unavailable(plugins: Plugins) -> bool:
    try:
        await plugins.known("token")
    except PluginsUnavailable:
        return True
    return False


async def test_a_list_that_is_too_deep_to_read_is_a_host_that_is_away(plugins: Plugins, host: Hardship) -> None:
    host.answers = {LIST: lambda: DEEP}

    unavailable = await plugins_unavailable(plugins)

    assert unavailable
