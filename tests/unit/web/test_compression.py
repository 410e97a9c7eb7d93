"""What travels compressed, and what must not."""

import gzip
from pathlib import Path

import pytest

from services.web import assets, lean
from tests.support.gateway import ADA_KEY, PAGE, Served, Site


@pytest.mark.parametrize("path", ["/", "/docs", "/gallery", "/studio", "/account", "/nothing"])
async def test_pages_travel_compressed_and_say_that_it_depends_on_who_asks(site: Site, path: str) -> None:
    site.sign_in_as()

    answer = await site.http.get(path, headers={**PAGE, "Accept-Encoding": "gzip"})
    plain = await site.http.get(path, headers={**PAGE, "Accept-Encoding": "identity"})

    assert answer.headers["content-encoding"] == "gzip"
    assert {"accept-encoding", "cookie"} <= {each.strip().lower() for each in answer.headers["vary"].split(",")}
    assert "content-encoding" not in plain.headers
    assert answer.text.startswith("<!doctype html>")


async def test_json_travels_compressed(site: Site) -> None:
    for number in range(5):
        await site.http.post("/api/v1/tasks", json={"prompt": f"a red house {number}"}, headers=ADA_KEY)

    answer = await site.http.get("/api/v1/tasks", headers=ADA_KEY)

    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["tasks"]) == 5


@pytest.mark.parametrize("name", ["theme.css", "js/studio.js", "icons.svg"])
async def test_text_files_travel_compressed_and_without_what_only_people_read(site: Site, name: str) -> None:
    async with site.http.stream("GET", assets.url(name), headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    whole = (assets.OURS / name).read_text()
    assert gzip.decompress(raw).decode() == lean.OF.get(Path(name).suffix, str)(whole)
    assert int(answer.headers["content-length"]) == len(raw) < (assets.OURS / name).stat().st_size
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["cache-control"]


async def test_a_file_that_a_browser_holds_is_not_sent_again_in_either_form(site: Site) -> None:
    tags = []
    for encoding in ("gzip", "identity"):
        headers = {"Accept-Encoding": encoding}
        tags.append((await site.http.get(assets.url("theme.css"), headers=headers)).headers["etag"])
        again = await site.http.get(assets.url("theme.css"), headers={**headers, "If-None-Match": tags[-1]})
        assert (again.status_code, again.content) == (304, b"")

    assert tags[0] != tags[1]


async def test_a_picture_travels_as_it_lies_there(site: Site) -> None:
    entry = site.backends.gallery.found()

    for path in (assets.url("art/window.webp"), f"/gallery/{entry.gallery_id}"):
        answer = await site.http.get(path, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in answer.headers, path
        assert int(answer.headers["content-length"]) == len(answer.content)


async def test_an_event_stream_is_not_held_back_by_compression(served: Served) -> None:
    served.sign_in_as()

    async with served.http.stream("GET", "/events", headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
