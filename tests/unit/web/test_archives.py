"""Pictures as one ZIP file: streamed, one's own, and never a part that looks whole."""

import io
import zipfile

import httpx
import pytest

from services.web.visitors import SESSION_COOKIE
from tests.support.gateway import ADA_KEY, BOB_KEY, PAGE, Served, Site, until

PAGES, PROGRAMS, CHOICE = "/account/archive.zip", "/api/v1/archive", "/studio/archive"


async def draw(site: Site, email: str = "ada@example.org", *, samples: int = 2) -> list[str]:
    """A session's task and the ids of its images; its browser stays signed in."""
    site.http.cookies.delete(SESSION_COOKIE)
    site.sign_in_as(email)
    asked = {"prompt": "A red boat", "samples": samples}
    task_id = (await site.http.post("/studio/tasks", json=asked, headers=await site.script_headers())).json()["id"]
    await site.backends.tasks.start(task_id)
    images = [(await site.backends.tasks.deliver(task_id)).image_id for _ in range(samples)]
    await site.backends.tasks.end(task_id)
    return images


def held(answer: httpx.Response) -> list[str]:
    """The names in a ZIP file that is whole."""
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


async def chosen(site: Site, images: str) -> httpx.Response:
    """The answer to the posted form."""
    token = await site.form_token("/studio")
    return await site.http.post(CHOICE, data={"csrf_token": token, "images": images}, headers=PAGE)


async def test_every_picture_of_ones_own_comes_as_a_file_to_save(site: Site) -> None:
    await draw(site, "bob@example.org")
    first, second = await draw(site), await draw(site)

    answer = await site.http.get(PAGES)

    assert answer.status_code == 200
    assert held(answer) == [f"{each}.png" for each in (*first, *second)]
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith('attachment; filename="daydream-20')
    assert answer.headers["cache-control"] == "no-store"
    assert (answer.headers["x-daydream-images"], int(answer.headers["x-daydream-bytes"])) == ("4", 4 * 2056)


async def test_an_archive_can_be_of_one_session(site: Site) -> None:
    await draw(site)
    images = await draw(site)
    session = next(reversed(site.backends.tasks.tasks.values())).session_id

    answer = await site.http.get(PAGES, params={"session": session})

    assert held(answer) == [f"{each}.png" for each in images]


async def test_a_choice_holds_what_was_chosen(site: Site) -> None:
    images = await draw(site, samples=3)

    answer = await chosen(site, f"{images[0]}, {images[2]},{images[0]}")

    assert (answer.status_code, held(answer)) == (200, [f"{images[0]}.png", f"{images[2]}.png"])


async def test_a_choice_of_another_persons_picture_looks_as_if_there_were_none(site: Site) -> None:
    bobs = await draw(site, "bob@example.org")
    mine = await draw(site)

    answers = [await chosen(site, f"{mine[0]},{each}") for each in (bobs[0], "never-was", "../etc")]

    assert {each.status_code for each in answers} == {404}


@pytest.mark.parametrize("images", ["", " , ", ",".join(f"image-{each}" for each in range(1001))])
async def test_a_choice_of_none_or_too_many_is_refused_in_words(site: Site, images: str) -> None:
    await draw(site)

    answer = await chosen(site, images)

    assert answer.status_code == 422
    assert "Choose 1 to 1,000 pictures" in answer.text
    assert site.backends.tasks.archives == []


async def test_no_choice_is_believed_without_the_forms_token(site: Site) -> None:
    images = await draw(site)
    token = await site.form_token("/studio")
    site.http.cookies.delete("dd_page")
    fields = [{"images": images[0]}, {"images": images[0], "csrf_token": "x"}]

    answers = [await site.http.post(CHOICE, data=each, headers=PAGE) for each in fields]
    stolen = await site.http.post(CHOICE, data={"images": images[0], "csrf_token": token}, headers=PAGE)

    assert {each.status_code for each in (*answers, stolen)} == {400}
    assert "open for too long" in stolen.text
    assert site.backends.tasks.archives == []


async def test_a_form_of_more_fields_than_any_form_has_is_too_large(site: Site) -> None:
    await draw(site)
    parts = {f"field-{each}": (None, "x") for each in range(1100)}

    answer = await site.http.post(CHOICE, files=parts, headers=PAGE)

    assert answer.status_code == 413


async def test_nothing_to_pack_is_said_in_a_sentence(site: Site) -> None:
    site.sign_in_as()

    answer = await site.http.get(PAGES, headers=PAGE)
    program = await site.http.get(PROGRAMS, headers=ADA_KEY)

    assert (answer.status_code, program.status_code) == (409, 409)
    assert "There are no pictures here to pack yet" in answer.text
    assert program.json()["reason"] == "NO_IMAGES"


@pytest.mark.parametrize("session", ["session-999", "a b"])
async def test_a_session_that_is_not_ones_own_holds_nothing(site: Site, session: str) -> None:
    await draw(site)

    answer = await site.http.get(PAGES, params={"session": session}, headers=PAGE)

    assert answer.status_code in {404, 409}


async def test_a_program_reads_its_owners_pictures(site: Site) -> None:
    images = await draw(site)

    answer = await site.http.get(PROGRAMS, headers=ADA_KEY)
    bobs = await site.http.get(PROGRAMS, headers=BOB_KEY)
    head = await site.http.head(PROGRAMS, headers=ADA_KEY)

    assert held(answer) == [f"{each}.png" for each in images]
    assert bobs.status_code == 409
    assert (head.status_code, head.content, head.headers["x-daydream-images"]) == (200, b"", "2")


@pytest.mark.parametrize(("method", "path"), [("GET", PAGES), ("POST", CHOICE), ("GET", PROGRAMS)])
async def test_no_archive_opens_to_a_stranger(site: Site, method: str, path: str) -> None:
    answer = await site.http.request(method, path)

    assert answer.status_code == 401
    assert site.backends.tasks.archives == []


async def test_the_api_says_what_an_archive_is(site: Site) -> None:
    document = (await site.http.get("/api/v1/openapi.json")).json()

    assert "application/zip" in document["paths"]["/api/v1/archive"]["get"]["responses"]["200"]["content"]


async def test_an_archive_that_breaks_off_does_not_look_whole(served: Served) -> None:
    await draw(served)
    served.backends.tasks.archive_breaks_after = 2

    with pytest.raises(httpx.RemoteProtocolError):
        await served.http.get(PAGES)

    assert served.backends.tasks.archives_open == 0


async def test_an_archive_is_passed_on_before_it_is_whole_and_let_go_with_its_reader(served: Served) -> None:
    served.backends.tasks.draw = lambda _task, index: bytes([index]) * 40_000_000
    await draw(served, samples=1)

    async with served.http.stream("GET", PAGES) as answer:
        first = await anext(answer.aiter_bytes(1024))
        open_meanwhile = served.backends.tasks.archives_open

    assert (first[:2], open_meanwhile) == (b"PK", 1)
    await until(lambda: served.backends.tasks.archives_open == 0)


async def test_one_person_reads_a_few_archives_at_once_and_others_theirs(served: Served) -> None:
    served.backends.tasks.draw = lambda _task, index: bytes([index]) * 40_000_000
    await draw(served, samples=1)

    async with (
        served.http.stream("GET", PAGES),
        served.http.stream("GET", PAGES),
        served.http.stream("GET", PAGES),
        served.http.stream("GET", PROGRAMS, headers=ADA_KEY),
    ):
        fifth = await served.http.get(PAGES)
        bobs = await served.http.get(PROGRAMS, headers=BOB_KEY)
    await until(lambda: served.backends.tasks.archives_open == 0)
    after = await served.http.head(PAGES)

    assert (fifth.status_code, fifth.json()["reason"]) == (429, "TOO_MANY_ARCHIVES")
    assert (bobs.status_code, after.status_code) == (409, 200)


async def test_while_tasks_is_away_no_archive_begins(site: Site) -> None:
    site.sign_in_as()
    await site.backends.tasks_server.drain(0)

    answer = await site.http.get(PAGES, headers=PAGE)

    assert answer.status_code == 503
