"""The gallery's pages and files: who sees what, and what each may do with it."""

import re

import pytest
from daydream.tasks.v1 import gallery_pb2

from services.foundation import errors
from tests.support.gateway import ADA_KEY, PAGE, Site


async def published(site: Site, prompt: str = "a red house") -> gallery_pb2.GalleryImage:
    """A picture of Ada's, in the gallery as it stands there."""
    answer = await site.http.post("/api/v1/tasks", json={"prompt": prompt, "steps": 7}, headers=ADA_KEY)
    task_id = answer.json()["id"]
    await site.backends.tasks.start(task_id, seed=42)
    image = await site.backends.tasks.deliver(task_id)
    entry = site.backends.gallery.found(prompt, width=256, height=192)
    entry.owner_user_id, entry.image_id = site.backends.auth.ada.user_id, image.image_id
    return entry


async def page(site: Site, path: str = "/gallery") -> str:
    """What a browser is shown."""
    answer = await site.http.get(path, headers=PAGE)
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


async def test_a_stranger_sees_what_is_published_newest_first_and_the_gateway_asks_in_its_own_name(site: Site) -> None:
    older, newer = await published(site), site.backends.gallery.found()

    shown = await page(site)

    assert re.findall(r'href="/gallery/([^"/]+)/view"', shown) == [newer.gallery_id, older.gallery_id]
    assert site.backends.gallery.asked_by == ["web"]
    assert "yours" not in shown
    assert "Hide" not in shown


async def test_while_nothing_is_published_the_pictures_that_came_along_hang_there_and_say_so(site: Site) -> None:
    shown = await page(site)

    assert "Nothing is published here yet" in shown
    assert shown.count('class="dd-gallery"') == 1
    assert "/studio?prompt=a+red+boat" in shown.replace("%20", "+")


async def test_pages_follow_each_other_without_a_gap(site: Site) -> None:
    every = [site.backends.gallery.found().gallery_id for _ in range(30)][::-1]

    first = await page(site)
    following = re.search(r'id="more" href="([^"]+)"', first)
    assert following is not None
    second = await page(site, following[1])

    ids = [re.findall(r'href="/gallery/([^"/]+)/view"', each) for each in (first, second)]
    assert ids[0] + ids[1] == every
    assert 'id="more"' not in second


async def test_a_cursor_that_no_page_gave_is_refused(site: Site) -> None:
    answer = await site.http.get("/gallery?cursor=nonsense", headers=PAGE)

    assert answer.status_code == 422


@pytest.mark.parametrize("signed_in", [False, True])
async def test_a_store_that_is_away_leaves_a_page_that_says_so(site: Site, signed_in: bool) -> None:
    if signed_in:
        site.sign_in_as()
    await site.backends.tasks_server.drain(0)

    shown = await page(site)

    assert "The gallery does not answer at the moment" in shown


async def test_without_auth_the_gallery_still_has_its_page(site: Site) -> None:
    site.backends.auth.refuse_services = True

    shown = await page(site)

    assert "The gallery does not answer at the moment" in shown


async def test_a_picture_has_a_page_with_everything_it_was_made_with(site: Site) -> None:
    entry = await published(site, "a <b>red</b> house")

    shown = await page(site, f"/gallery/{entry.gallery_id}/view")

    assert "a &lt;b&gt;red&lt;/b&gt; house" in shown
    for words in ("fog", "daydream-mini", "Euler a", "256 × 192", "12", "3.5", "41"):
        assert words in shown, words
    assert f'href="/studio?gallery={entry.gallery_id}"' in shown
    assert f'href="/gallery/{entry.gallery_id}?download"' in shown
    assert "Take it out" not in shown


async def test_a_picture_that_says_nothing_of_itself_offers_no_beginning(site: Site) -> None:
    entry = site.backends.gallery.found()

    shown = await page(site, f"/gallery/{entry.gallery_id}/view")
    settings = await site.http.get(f"/gallery/{entry.gallery_id}/settings")

    assert "Its file does not say how it was made" in shown
    assert "Begin with this prompt" not in shown
    assert settings.json() == {}


async def test_the_studio_gets_every_setting_of_a_picture(site: Site) -> None:
    entry = await published(site)

    settings = (await site.http.get(f"/gallery/{entry.gallery_id}/settings")).json()

    assert {name: settings[name] for name in ("prompt", "negative_prompt", "sampler", "steps", "seed", "samples")} == {
        "prompt": "a red house", "negative_prompt": "fog", "sampler": "Euler a", "steps": 12, "seed": 41, "samples": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("size", "begins"), [("?size=small", b"RIFF"), ("?size=medium", b"RIFF"), ("", b"\x89PNG")])
async def test_its_files_are_everybodys_and_may_be_kept(site: Site, size: str, begins: bytes) -> None:
    entry = site.backends.gallery.found()
    path = f"/gallery/{entry.gallery_id}{size}"

    answer = await site.http.get(path)
    again = await site.http.get(path, headers={"If-None-Match": answer.headers["etag"]})

    assert answer.content.startswith(begins)
    assert "max-age=86400, immutable" in answer.headers["cache-control"]
    assert (again.status_code, again.content) == (304, b"")


async def test_a_size_that_is_none_is_refused_and_a_download_is_a_file(site: Site) -> None:
    entry = site.backends.gallery.found()

    huge = await site.http.get(f"/gallery/{entry.gallery_id}?size=huge")
    saved = await site.http.get(f"/gallery/{entry.gallery_id}?download")

    assert huge.status_code == 422
    assert saved.headers["content-disposition"].startswith('attachment; filename="daydream-')


@pytest.mark.parametrize("path", ["/gallery/nothing", "/gallery/nothing/view", "/gallery/nothing/settings"])
async def test_what_is_not_there_is_not_found(site: Site, path: str) -> None:
    answer = await site.http.get(path, headers=PAGE)

    assert answer.status_code == 404


async def test_what_staff_hid_is_there_for_staff_alone(site: Site) -> None:
    site.backends.auth.add("grace@example.org").staff = True
    entry = await published(site)
    entry.ruling.hidden = True
    paths = [f"/gallery/{entry.gallery_id}{rest}" for rest in ("", "?size=small", "/view", "/settings")]

    seen = {}
    for who in ("", "ada@example.org", "grace@example.org"):
        site.http.cookies.clear()
        if who:
            site.sign_in_as(who)
        seen[who] = [(await site.http.get(path, headers=PAGE)).status_code for path in paths]
        assert "/view" not in await page(site)

    assert seen == {"": [404] * 4, "ada@example.org": [404] * 4, "grace@example.org": [200] * 4}


async def test_their_owner_takes_a_picture_out_and_keeps_it(site: Site) -> None:
    entry = await published(site)
    site.sign_in_as()
    token = await site.form_token("/studio")
    assert "yours" in await page(site)

    answer = await site.http.post(f"/gallery/{entry.gallery_id}/unpublish", data={"csrf_token": token}, headers=PAGE)

    assert (answer.status_code, answer.headers["location"]) == (303, "/gallery")
    assert "no longer in the gallery" in await page(site)
    assert site.backends.gallery.entries == {}
    assert len(next(iter(site.backends.tasks.tasks.values())).images) == 1


@pytest.mark.parametrize(("who", "status"), [("bob@example.org", 404), ("", 401)])
async def test_nobody_else_takes_it_out(site: Site, who: str, status: int) -> None:
    entry = await published(site)
    token = await site.form_token("/sign-in")
    if who:
        site.sign_in_as(who)
        token = await site.form_token("/studio")

    answer = await site.http.post(f"/gallery/{entry.gallery_id}/unpublish", data={"csrf_token": token})

    assert answer.status_code == status
    assert entry.gallery_id in site.backends.gallery.entries


async def test_without_the_forms_token_nothing_changes(site: Site) -> None:
    entry = await published(site)
    site.sign_in_as()

    answer = await site.http.post(f"/gallery/{entry.gallery_id}/unpublish", data={}, headers=PAGE)

    assert answer.status_code in {400, 422}
    assert entry.gallery_id in site.backends.gallery.entries


async def test_a_gallery_that_refuses_says_so_in_its_own_words(site: Site) -> None:
    site.backends.gallery.refusal = errors.TooMuch("Too many at once.", retry_after=2)

    answer = await site.http.get("/gallery", headers=PAGE)

    assert answer.status_code == 429
    assert "Too many at once." in answer.text
