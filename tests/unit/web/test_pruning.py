"""Pruning the gallery: staff alone, with a reason, and what was said stays readable."""

import pytest
from daydream.tasks.v1 import gallery_pb2

from tests.support.gateway import PAGE, Site


async def as_grace(site: Site) -> dict[str, str]:
    """Staff, and what their forms carry."""
    site.backends.auth.add("grace@example.org").staff = True
    site.sign_in_as("grace@example.org")
    return {"csrf_token": await site.form_token("/studio")}


def hidden(site: Site, reason: str = "too loud") -> gallery_pb2.GalleryImage:
    """A picture that was hidden."""
    entry = site.backends.gallery.found("a red house")
    entry.ruling.hidden, entry.ruling.reason, entry.ruling.staff_user_id = True, reason, "user-9"
    return entry


async def test_staff_see_everything_with_whose_it_is_and_what_was_said(site: Site) -> None:
    await as_grace(site)
    entry = hidden(site)
    entry.owner_user_id = "user-77"
    site.backends.gallery.found("a blue boat")

    page = (await site.http.get("/admin/gallery", headers=PAGE)).text

    for words in ("a red house", "a blue boat", "too loud", "user-77", "user-9"):
        assert words in page, words
    assert f"/admin/gallery/{entry.gallery_id}/restore" in page


async def test_staff_hide_a_picture_with_a_reason_and_go_on_where_they_were(site: Site) -> None:
    form = await as_grace(site)
    entry = site.backends.gallery.found("a red house")

    answer = await site.http.post(
        f"/admin/gallery/{entry.gallery_id}/hide", data={**form, "reason": " a name in it ", "next": "/gallery"}
    )

    assert (answer.status_code, answer.headers["location"]) == (303, "/gallery")
    assert (entry.ruling.hidden, entry.ruling.reason) == (True, "a name in it")
    assert "Nothing is published" in (await site.http.get("/gallery", headers=PAGE)).text


async def test_staff_show_it_again(site: Site) -> None:
    form, entry = await as_grace(site), hidden(site)

    answer = await site.http.post(f"/admin/gallery/{entry.gallery_id}/restore", data={**form, "reason": "a mistake"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/gallery")
    assert (entry.ruling.hidden, entry.ruling.reason) == (False, "a mistake")


@pytest.mark.parametrize(
    ("reason", "says"), [("", "Say why"), ("   ", "Say why"), ("x" * 201, "At most 200"), (None, "Say why")]
)
async def test_without_a_good_reason_nothing_is_hidden_and_the_form_says_why(
    site: Site, reason: str | None, says: str
) -> None:
    form, entry = await as_grace(site), site.backends.gallery.found("a red house")
    given = {} if reason is None else {"reason": reason}

    answer = await site.http.post(f"/admin/gallery/{entry.gallery_id}/hide", data={**form, **given})

    assert answer.status_code == 422
    assert says in answer.text
    assert not entry.ruling.hidden


async def test_a_way_on_leads_to_no_other_site(site: Site) -> None:
    form, entry = await as_grace(site), site.backends.gallery.found("a red house")

    answer = await site.http.post(
        f"/admin/gallery/{entry.gallery_id}/hide", data={**form, "reason": "no", "next": "//evil.example"}
    )

    assert answer.headers["location"] == "/admin/gallery"


@pytest.mark.parametrize("path", ["/admin/gallery", "/admin/gallery/nothing"])
async def test_nobody_but_staff_opens_it(site: Site, path: str) -> None:
    stranger = await site.http.get(path, headers=PAGE)
    site.sign_in_as()
    member = await site.http.get(path, headers=PAGE)

    assert (stranger.status_code, stranger.headers["location"].partition("?")[0]) == (303, "/sign-in")
    assert member.status_code == 403


@pytest.mark.parametrize("act", ["hide", "restore"])
async def test_nobody_but_staff_rules(site: Site, act: str) -> None:
    entry = hidden(site) if act == "restore" else site.backends.gallery.found("a red house")
    before = entry.SerializeToString()
    site.sign_in_as()
    token = await site.form_token("/studio")

    answer = await site.http.post(
        f"/admin/gallery/{entry.gallery_id}/{act}", data={"csrf_token": token, "reason": "because"}
    )

    assert answer.status_code == 403
    assert entry.SerializeToString() == before


async def test_a_picture_that_is_gone_is_not_found(site: Site) -> None:
    form = await as_grace(site)

    shown = await site.http.get("/admin/gallery/nothing", headers=PAGE)
    ruled = await site.http.post("/admin/gallery/nothing/hide", data={**form, "reason": "because"})

    assert (shown.status_code, ruled.status_code) == (404, 404)


async def test_the_way_in_is_offered_to_staff_alone(site: Site) -> None:
    site.backends.gallery.found("a red house")
    site.sign_in_as()
    member = (await site.http.get("/gallery", headers=PAGE)).text
    await as_grace(site)
    staff = (await site.http.get("/gallery", headers=PAGE)).text

    assert "/admin/gallery" not in member
    assert "/admin/gallery" in staff
