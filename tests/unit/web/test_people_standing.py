"""Staff decide who may come in: suspending, restoring, a link for a new password, deleting."""

import re

import pytest

from tests.support.desk import EMAIL, form_of, page, send, staff
from tests.support.gateway import PAGE, Site

ADA = "/admin/users/user-1"


async def test_who_is_suspended_is_out_and_who_is_restored_comes_in_again(site: Site) -> None:
    site.backends.auth.open("ada@example.org")
    staff(site)

    out = await send(site, f"{ADA}/suspend")

    assert (out.status_code, out.headers["location"]) == (303, ADA)
    assert not site.backends.auth.ada.active
    assert [email for email, _ in site.backends.auth.sessions.values()] == [EMAIL]
    assert "The account is suspended" in (shown := await page(site, ADA))
    assert ">suspended<" in shown

    back_in = await send(site, f"{ADA}/restore")

    assert back_in.status_code == 303
    assert site.backends.auth.ada.active
    assert "The account is restored" in await page(site, ADA)


async def test_from_the_list_one_comes_back_to_the_list_as_it_was_searched(site: Site) -> None:
    staff(site)

    back = await send(site, f"{ADA}/suspend", {"back": "/admin/users?q=ada"})
    elsewhere = await send(site, f"{ADA}/restore", {"back": "https://evil.example/"})

    assert back.headers["location"] == "/admin/users?q=ada"
    assert elsewhere.headers["location"] == ADA


async def test_the_last_staff_account_is_not_suspended_and_the_page_says_why(site: Site) -> None:
    desk = staff(site)

    answer = await send(site, f"/admin/users/{desk.user_id}/suspend")

    assert answer.status_code == 409
    assert "This is the last staff account; make another one first." in answer.text
    assert desk.active
    assert len(site.backends.auth.sessions) == 1


async def test_staff_who_suspend_themselves_are_out(site: Site) -> None:
    site.backends.auth.add("second@example.org").staff = True
    desk = staff(site)

    answer = await send(site, f"/admin/users/{desk.user_id}/suspend")

    after = await site.http.get(answer.headers["location"], headers=PAGE)
    assert not desk.active
    assert (after.status_code, after.headers["location"].partition("?")[0]) == (303, "/sign-in")


async def test_a_reset_link_is_shown_once_as_a_whole_address_that_works_once(site: Site) -> None:
    staff(site)

    made = await send(site, f"{ADA}/reset-link", await form_of(site, ADA, f"{ADA}/reset-link"))

    (address,) = re.findall(r'id="reset-link" value="([^"]+)"', made.text)
    assert made.status_code == 200
    assert address.startswith("http://localhost/reset-password?token=")
    assert "hand it on yourself, to ada@example.org" in made.text
    assert "datetime=" in made.text.partition("It works once, until")[2][:40]
    assert "no-store" in made.headers["cache-control"]
    assert address not in await page(site, ADA)
    assert "Reset link made" in await page(site, ADA)
    fields = {"token": address.partition("token=")[2], "password": "another calm sea"}
    token = await site.form_token(address.removeprefix("http://localhost"))
    used = await site.http.post("/reset-password", data={"csrf_token": token, **fields}, headers=PAGE)
    assert used.status_code == 303
    assert site.backends.auth.ada.password == "another calm sea"


async def test_reloading_the_page_with_the_link_makes_no_other_one(site: Site) -> None:
    staff(site)
    fields = await form_of(site, ADA, f"{ADA}/reset-link")
    await send(site, f"{ADA}/reset-link", fields)
    links = dict(site.backends.auth.reset_links)

    again = await send(site, f"{ADA}/reset-link", fields)

    assert (again.status_code, again.headers["location"]) == (303, ADA)
    assert "it is shown only once" in await page(site, ADA)
    assert site.backends.auth.reset_links == links


async def test_a_form_without_its_mark_makes_no_link(site: Site) -> None:
    staff(site)

    answer = await send(site, f"{ADA}/reset-link")

    assert answer.status_code == 422
    assert site.backends.auth.reset_links == {}


async def test_the_page_says_what_becomes_of_whom_it_deletes(site: Site) -> None:
    staff(site)
    site.backends.auth.ada.tokens = 93

    said = await page(site, ADA)

    for part in ("API keys go at once", "leaves the gallery", "93 tokens in the balance are lost", "cannot be undone"):
        assert part in said


async def test_who_is_deleted_is_gone_once_their_address_was_typed(site: Site) -> None:
    staff(site)

    answer = await send(site, f"{ADA}/delete", {"typed": " ADA@example.org "})

    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/users")
    assert "ada@example.org" not in site.backends.auth.people
    assert "ada@example.org is deleted." in await page(site, "/admin/users")
    assert (await site.http.get(ADA, headers=PAGE)).status_code == 404


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("", "Type their email."), ("bob@example.org", "This is not their email; nothing was deleted.")],
)
async def test_another_address_deletes_nobody(site: Site, typed: str, sentence: str) -> None:
    staff(site)

    answer = await send(site, f"{ADA}/delete", {"typed": typed})

    assert answer.status_code == 422
    assert re.search(rf'id="typed-wrong">{re.escape(sentence)}<', answer.text)
    assert set(site.backends.auth.people) == {"ada@example.org", "bob@example.org", EMAIL}


async def test_ones_own_account_is_deleted_elsewhere_with_the_password(site: Site) -> None:
    desk = staff(site)
    own = f"/admin/users/{desk.user_id}"

    shown = await page(site, own)
    answer = await send(site, f"{own}/delete", {"typed": EMAIL})

    assert "/delete" not in shown
    assert 'href="/account/settings"' in shown
    assert answer.status_code == 409
    assert "This is your own account." in answer.text
    assert EMAIL in site.backends.auth.people


async def test_staff_delete_others_of_the_staff(site: Site) -> None:
    other = site.backends.auth.add("second@example.org")
    other.staff = True
    staff(site)

    answer = await send(site, f"/admin/users/{other.user_id}/delete", {"typed": other.email})

    assert answer.status_code == 303
    assert other.email not in site.backends.auth.people


@pytest.mark.parametrize("deed", ["suspend", "restore", "reset-link", "delete"])
async def test_nothing_is_done_to_nobody(site: Site, deed: str) -> None:
    staff(site)

    answer = await send(site, f"/admin/users/nobody/{deed}", {"once": "x", "typed": "nobody@example.org"})

    assert answer.status_code == 404
    assert site.backends.auth.deeds == []


async def test_staff_who_were_suspended_meanwhile_do_nothing_more(site: Site) -> None:
    site.backends.auth.add("second@example.org").staff = True
    desk = staff(site)
    token = await site.form_token("/admin/users")
    desk.active = False

    answer = await site.http.post(f"{ADA}/suspend", data={"csrf_token": token}, headers=PAGE)

    assert answer.status_code == 403
    assert site.backends.auth.ada.active
