"""Pictures of the timeline: their files in three sizes, and what is done to them from the page."""

import io
from typing import Any

import httpx
import pytest
from PIL import Image

from services.web.pages.pictures import MOST_DELETED
from services.web.visitors import SESSION_COOKIE
from tests.support.gateway import ADA_KEY, BOB_KEY, Site
from tests.support.threaded_gateway import picture

BAD = "no id here"


async def drawn(site: Site, email: str = "ada@example.org", *, samples: int = 2, side: int = 512) -> dict[str, Any]:
    """A task of somebody's that has succeeded, as the page gets it; its browser stays signed in."""
    site.backends.tasks.draw = picture
    site.sign_in_as(email)
    asked = {"prompt": "a red house", "samples": samples, "width": side, "height": side}
    headers = await site.script_headers()
    task_id = (await site.http.post("/studio/tasks", json=asked, headers=headers)).json()["id"]
    await site.backends.tasks.start(task_id)
    for _ in range(samples):
        await site.backends.tasks.deliver(task_id)
    await site.backends.tasks.end(task_id)
    return await seen(site, task_id)


async def seen(site: Site, task_id: str) -> dict[str, Any]:
    """A task as the page gets it now."""
    found = (await site.http.get("/studio/tasks", params={"scope": "all"})).json()["tasks"]
    return next(each for each in found if each["id"] == task_id)


async def change(site: Site, method: str, path: str, body: Any = None) -> httpx.Response:
    """What the page's script does."""
    return await site.http.request(method, path, json=body, headers=await site.script_headers())


def published(task: dict[str, Any], at: int = 0) -> str:
    """The address of a picture's place in the gallery."""
    return f"/studio/tasks/{task['id']}/images/{task['images'][at]['id']}/published"


@pytest.mark.parametrize(
    ("asked", "kind", "longest"),
    [
        ("", "PNG", 512),
        ("?size=original", "PNG", 512),
        ("?size=medium", "WEBP", 512),
        ("?size=small", "WEBP", 256),
        ("?size=thumb", "WEBP", 256),
    ],
)
async def test_a_picture_is_had_in_the_size_that_is_asked_for_and_kept_for_good(
    site: Site, asked: str, kind: str, longest: int
) -> None:
    task = await drawn(site)
    image = task["images"][0]

    answers = [
        await site.http.get(f"/images/{image['id']}{asked}"),
        await site.http.get(f"/api/v1/images/{image['id']}{asked}", headers=ADA_KEY),
    ]

    for answer in answers:
        file = Image.open(io.BytesIO(answer.content))
        assert (answer.status_code, file.format, max(file.size)) == (200, kind, longest)
        assert answer.headers["content-type"] == f"image/{kind.lower()}"
        assert "immutable" in answer.headers["cache-control"]
        again = {"If-None-Match": answer.headers["etag"], **ADA_KEY}
        assert (await site.http.get(f"/images/{image['id']}{asked}", headers=again)).status_code == 304


async def test_addresses_of_thumbnails_are_told_and_each_size_has_its_own(site: Site) -> None:
    task = await drawn(site)

    image = task["images"][0]
    told = (await site.http.get(f"/api/v1/tasks/{task['id']}", headers=ADA_KEY)).json()["images"][0]

    assert image["thumbnail_url"] == f"{image['url']}?size=small"
    assert image["medium_url"] == f"{image['url']}?size=medium"
    assert told["thumbnail_url"] == f"/api/v1/images/{image['id']}?size=small"
    assert "published" not in told


@pytest.mark.parametrize("path", ["/images/{id}?size=huge", "/api/v1/images/{id}?size=", "/images/{id}?size=SMALL"])
async def test_a_size_that_there_is_not_is_refused_with_those_that_there_are(site: Site, path: str) -> None:
    task = await drawn(site)

    answer = await site.http.get(path.format(id=task["images"][0]["id"]), headers=ADA_KEY)

    assert answer.status_code == 422
    assert "original, medium, small or thumb" in answer.text


async def test_anothers_picture_is_not_there_in_any_size(site: Site) -> None:
    image = (await drawn(site))["images"][0]["id"]
    site.sign_in_as("bob@example.org")

    answers = [
        await site.http.get(f"/images/{image}?size=small"),
        await site.http.get(f"/api/v1/images/{image}?size=medium", headers=BOB_KEY),
    ]

    assert [each.status_code for each in answers] == [404, 404]


async def test_a_picture_is_published_and_taken_back(site: Site) -> None:
    task = await drawn(site)

    shown = (await change(site, "PUT", published(task))).json()
    twice = (await change(site, "PUT", published(task))).json()
    gone = (await change(site, "DELETE", published(task))).json()

    assert [each["published"] for each in shown["images"]] == [True, False]
    assert twice["revision"] == shown["revision"] > task["revision"]
    assert [each["published"] for each in gone["images"]] == [False, False]
    assert not site.backends.gallery.entries


async def test_a_picture_that_staff_have_hidden_says_so(site: Site) -> None:
    task = await drawn(site)
    site.backends.tasks.tasks[task["id"]].images[1].published = True
    site.backends.tasks.tasks[task["id"]].images[1].hidden = True

    told = await seen(site, task["id"])

    assert [(each["published"], each["hidden"]) for each in told["images"]] == [(False, False), (True, True)]


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_anothers_picture_cannot_be_published_or_taken_back(site: Site, method: str) -> None:
    task = await drawn(site)
    await change(site, "PUT", published(task))
    site.sign_in_as("bob@example.org")

    answer = await change(site, method, published(task, at=1 if method == "PUT" else 0))

    assert answer.status_code == 404
    assert len(site.backends.gallery.entries) == 1


async def test_deleted_pictures_are_gone_and_their_places_are_told(site: Site) -> None:
    first, second = await drawn(site, samples=3), await drawn(site)
    gone = [first["images"][0]["id"], first["images"][2]["id"], second["images"][1]["id"]]

    answer = (await change(site, "POST", "/studio/images/delete", {"images": [*gone, gone[0]]})).json()

    told = {each["id"]: (len(each["images"]), sorted(each["deleted"])) for each in answer["tasks"]}
    assert told == {first["id"]: (1, [0, 2]), second["id"]: (1, [1])}
    assert (await site.http.get(f"/images/{gone[0]}")).status_code == 404
    assert (await seen(site, first["id"]))["images"] == [first["images"][1]]
    # Each task once, as it stands after the last of its pictures.
    for each in answer["tasks"]:
        assert each["revision"] == (await seen(site, each["id"]))["revision"]


async def test_what_is_gone_already_is_deleted_and_anothers_stays(site: Site) -> None:
    task = await drawn(site)
    mine, other = (each["id"] for each in task["images"])
    await change(site, "POST", "/studio/images/delete", {"images": [mine]})

    again = await change(site, "POST", "/studio/images/delete", {"images": [mine]})
    site.sign_in_as("bob@example.org")
    theirs = await change(site, "POST", "/studio/images/delete", {"images": [other]})

    assert (again.status_code, again.json()) == (200, {"tasks": []})
    assert (theirs.status_code, theirs.json()) == (200, {"tasks": []})
    assert other in site.backends.tasks.files


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ([], 422),
        ({"images": []}, 422),
        ({"images": "all"}, 422),
        ({"images": [7]}, 422),
        ({"images": ["image"], "also": 1}, 422),
        ({"images": ["x"] * (MOST_DELETED + 1)}, 422),
        ({"images": [BAD]}, 404),
    ],
)
async def test_a_bad_list_of_pictures_is_refused_and_deletes_nothing(site: Site, body: Any, status: int) -> None:
    await drawn(site)

    answer = await change(site, "POST", "/studio/images/delete", body)

    assert answer.status_code == status
    assert len(site.backends.tasks.files) == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "{published}"), ("DELETE", "{published}"), ("POST", "/studio/images/delete")],
)
async def test_pictures_are_changed_by_their_signed_in_page_alone(site: Site, method: str, path: str) -> None:
    task = await drawn(site)
    address = path.format(published=published(task))
    body = {"images": [task["images"][0]["id"]]}

    forged = await site.http.request(method, address, json=body, headers={"Accept": "application/json"})
    headers = await site.script_headers()
    site.http.cookies.delete(SESSION_COOKIE)
    stranger = await site.http.request(method, address, json=body, headers=headers)

    assert (forged.status_code, stranger.status_code) == (400, 401)
    assert len(site.backends.tasks.files) == 2
    assert not site.backends.gallery.entries
