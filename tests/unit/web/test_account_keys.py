"""API keys of one's own: made, shown once, listed without secrets, revoked."""

import re
from typing import Any

import pytest

from tests.support.gateway import PAGE, Site

WANTED = {"name": "nightly", "scopes": ["generate", "read"]}


async def form(site: Site) -> dict[str, str]:
    """The hidden fields of the page's form."""
    page = (await site.http.get("/account/keys", headers=PAGE)).text
    return {
        name: found[1]
        for name in ("csrf_token", "once")
        if (found := re.search(rf'name="{name}" value="([^"]+)"', page)) is not None
    }


async def made(site: Site, **fields: Any) -> Any:
    """The answer to the form."""
    return await site.http.post("/account/keys", data={**await form(site), **WANTED, **fields}, headers=PAGE)


async def test_a_key_is_made_and_its_secret_shown_on_the_answer_and_nowhere_else(site: Site) -> None:
    site.sign_in_as()

    answer = await made(site)

    [(owner, key, secret)] = site.backends.auth.api_keys
    assert answer.status_code == 200
    assert secret in answer.text
    assert secret not in str(answer.headers)
    assert answer.headers["cache-control"] == "no-store"
    assert (owner, key.name, list(key.scopes)) == ("user-1", "nightly", ["generate", "read"])
    later = (await site.http.get("/account/keys", headers=PAGE)).text
    assert secret not in later
    assert f"{key.prefix}…" in later
    used = await site.http.get("/api/v1/tasks", headers={"Authorization": f"Bearer {secret}"})
    assert used.status_code == 200


async def test_a_reload_of_the_answer_makes_no_second_key(site: Site) -> None:
    site.sign_in_as()
    fields = {**await form(site), **WANTED}
    await site.http.post("/account/keys", data=fields, headers=PAGE)

    again = await site.http.post("/account/keys", data=fields, headers=PAGE)

    assert (again.status_code, again.headers["location"]) == (303, "/account/keys")
    assert "That key was made already" in (await site.http.get("/account/keys", headers=PAGE)).text
    assert len(site.backends.auth.api_keys) == 1


async def test_two_keys_are_made_by_two_forms(site: Site) -> None:
    site.sign_in_as()

    answers = [await made(site, name=name) for name in ("one", "two")]

    assert [each.status_code for each in answers] == [200, 200]
    assert [key.name for _, key, _ in site.backends.auth.api_keys] == ["one", "two"]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "  "}, "Give it a name"),
        ({"name": "x" * 65}, "At most 64 characters."),
        ({"name": "refused"}, "This name is refused."),
        ({"scopes": []}, "Choose what it may do."),
        ({"scopes": ["read", "everything"]}, "is not a valid choice"),
        ({"scopes": ["admin"]}, "is not a valid choice"),
        ({"once": ""}, "Make a key"),
    ],
)
async def test_a_key_that_cannot_be_is_refused_under_its_field(
    site: Site, fields: dict[str, Any], sentence: str
) -> None:
    site.sign_in_as()

    answer = await made(site, **fields)

    assert answer.status_code == 422
    assert sentence in answer.text
    assert site.backends.auth.api_keys == []


async def test_staff_are_offered_the_admin_scope_and_nobody_else(site: Site) -> None:
    site.sign_in_as("bob@example.org")
    bobs = (await site.http.get("/account/keys", headers=PAGE)).text
    site.backends.auth.ada.staff = True
    site.http.cookies.clear()
    site.sign_in_as()

    answer = await made(site, scopes=["admin", "read"])

    assert 'value="admin"' not in bobs
    assert 'value="admin"' in answer.text
    assert list(site.backends.auth.api_keys[0][1].scopes) == ["admin", "read"]


async def test_a_revoked_key_is_refused_at_once(site: Site) -> None:
    site.sign_in_as()
    await made(site)
    [(_, key, secret)] = site.backends.auth.api_keys
    fields = await form(site)

    answer = await site.http.post(f"/account/keys/{key.api_key_id}/revoke", data=fields, headers=PAGE)

    assert (answer.status_code, answer.headers["location"]) == (303, "/account/keys")
    assert "That key is revoked" in (await site.http.get("/account/keys", headers=PAGE)).text
    refused = await site.http.get("/api/v1/tasks", headers={"Authorization": f"Bearer {secret}"})
    assert refused.status_code == 401


async def test_anothers_key_is_as_one_that_never_was(site: Site) -> None:
    site.sign_in_as("bob@example.org")
    await made(site)
    key_id = site.backends.auth.api_keys[0][1].api_key_id
    site.http.cookies.clear()
    site.sign_in_as()
    fields = await form(site)

    answers = [
        await site.http.post(f"/account/keys/{each}/revoke", data=fields, headers=PAGE) for each in (key_id, "nothing")
    ]

    page = (await site.http.get("/account/keys", headers=PAGE)).text
    assert {each.status_code for each in answers} == {303}
    assert len(site.backends.auth.api_keys) == 1
    assert "is revoked" not in page
    assert "You have none." in page


async def test_no_key_is_made_or_revoked_without_the_forms_token(site: Site) -> None:
    site.sign_in_as()
    await made(site)
    key_id = site.backends.auth.api_keys[0][1].api_key_id

    answers = [
        await site.http.post(path, data={**WANTED, "once": "x"}, headers=PAGE)
        for path in ("/account/keys", f"/account/keys/{key_id}/revoke")
    ]

    assert {each.status_code for each in answers} == {400}
    assert len(site.backends.auth.api_keys) == 1


async def test_keys_cannot_be_made_without_end(site: Site) -> None:
    site.sign_in_as()

    answers = [await made(site) for _ in range(21)]

    assert [each.status_code for each in answers[-2:]] == [200, 429]
    assert len(site.backends.auth.api_keys) == 20


async def test_the_examples_name_this_server(site: Site) -> None:
    site.sign_in_as()

    page = (await site.http.get("/account/keys", headers=PAGE)).text

    assert "curl http://localhost/api/v1/tasks" in page
    assert "DAYDREAM_URL=http://localhost " in page
