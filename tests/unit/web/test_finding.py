"""The timeline's pages: search by prompt, and what the page is told at its first sight."""

import json
import re
from typing import Any

import pytest

from services.web import assets
from tests.support.gateway import PAGE, Site


async def boot_of(site: Site, path: str) -> dict[str, Any]:
    """What the studio page hands its scripts."""
    page = (await site.http.get(path, headers=PAGE)).text
    found = re.search(r'data-boot="([^"]*)"', page)
    assert found is not None
    told: dict[str, Any] = json.loads(found[1].replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&"))
    return told


async def ask(site: Site, *prompts: str) -> None:
    """Tasks with these prompts, in this order."""
    headers = await site.script_headers()
    for prompt in prompts:
        await site.http.post("/studio/tasks", json={"prompt": prompt}, headers=headers)


async def find(site: Site, **query: str) -> list[str]:
    """The prompts that a search finds."""
    answer = await site.http.get("/studio/tasks", params=query)
    return [each["parameters"]["prompt"] for each in answer.json()["tasks"]]


async def test_a_search_finds_prompts_with_the_words_newest_first(site: Site) -> None:
    site.sign_in_as()
    await ask(site, "a red house", "a blue boat", "The RED sea")

    found = await find(site, query=" red ")

    assert found == ["The RED sea", "a red house"]
    assert await find(site, query="green") == []
    assert len(await find(site)) == 3


async def test_a_search_keeps_to_the_session_unless_all_are_asked_for(site: Site) -> None:
    site.sign_in_as()
    await ask(site, "a red house")
    site.sign_in_as("bob@example.org")
    await ask(site, "a red fox")
    site.sign_in_as()
    await ask(site, "a red boat")

    assert await find(site, query="red") == ["a red boat"]
    assert await find(site, query="red", scope="all") == ["a red boat", "a red house"]


async def test_a_search_is_paged_like_everything_else(site: Site) -> None:
    site.sign_in_as()
    await ask(site, *(f"red {number}" for number in range(30)))

    first = (await site.http.get("/studio/tasks", params={"query": "red"})).json()
    second = (await site.http.get("/studio/tasks", params={"query": "red", "cursor": first["cursor"]})).json()

    assert [len(first["tasks"]), len(second["tasks"]), second["cursor"]] == [24, 6, None]


@pytest.mark.parametrize("query", ["x" * 5000, "red\x00", "\x1b[31mred", "%", "_", "'; drop table task; --"])
async def test_any_query_is_answered(site: Site, query: str) -> None:
    site.sign_in_as()
    await ask(site, "a red house")

    answer = await site.http.get("/studio/tasks", params={"query": query})

    assert answer.status_code == 200


async def test_the_page_comes_with_what_its_address_searches_for_beside_the_newest(site: Site) -> None:
    site.sign_in_as()
    await ask(site, "a red house", "a blue boat")

    boot = await boot_of(site, "/studio?query=red")
    plain = await boot_of(site, "/studio")

    assert (boot["query"], plain["query"], plain["found"]) == ("red", "", None)
    assert [each["parameters"]["prompt"] for each in boot["found"]["tasks"]] == ["a red house"]
    assert len(boot["tasks"]) == 2


async def test_the_page_comes_with_what_happens_on_leaving(site: Site) -> None:
    site.sign_in_as()
    before = (await boot_of(site, "/studio"))["leaving"]
    await site.http.put("/studio/leaving", json={"leaving": "cancel"}, headers=await site.script_headers())

    after = (await boot_of(site, "/studio"))["leaving"]

    assert (before, after) == ("keep", "cancel")


async def test_the_page_links_ahead_to_every_module_that_it_will_need(site: Site) -> None:
    site.sign_in_as()

    page = (await site.http.get("/studio", headers=PAGE)).text

    linked = set(re.findall(r'rel="modulepreload" href="[^"]*/(js/[^"]+)"', page))
    assert linked >= set(assets.imported("js/studio.js"))
    assert {"js/live.js", "js/panel.js", "js/price.js", "js/glide.js"} <= linked
    assert "js/studio.js" not in linked
