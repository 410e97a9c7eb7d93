"""People, for staff: who gets in, the list with its search and pages, a person's page, changing a profile."""

import re

import pytest
from daydream.auth.v1 import audit_pb2, auth_pb2
from daydream.tasks.v1 import tasks_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.desk import page, send, staff
from tests.support.gateway import PAGE, Site
from tests.support.gateway_accounts import now

PAGES = ["/admin", "/admin/users", "/admin/users/user-1", "/admin/tokens", "/admin/codes"]
DEEDS = [
    "/admin/users/user-1/profile",
    "/admin/users/user-1/tokens",
    "/admin/users/user-1/suspend",
    "/admin/users/user-1/restore",
    "/admin/users/user-1/reset-link",
    "/admin/users/user-1/delete",
    "/admin/tokens",
    "/admin/codes",
    "/admin/codes/code-1/withdraw",
]


def seconds_ago(seconds: int) -> Timestamp:
    """A time that is past."""
    stamp = now()
    stamp.FromSeconds(stamp.seconds - seconds)
    return stamp


def listed(text: str) -> list[str]:
    """The ids in the list, from top to bottom."""
    return re.findall(r'dd-meta dd-code">([^<]+)<', text)


def row(text: str, email: str) -> str:
    """What the list says of one person."""
    found: list[str] = [each for each in re.findall(r"<tr>.*?</tr>", text, re.DOTALL) if f">{email}<" in each]
    assert len(found) == 1, email
    return found[0]


@pytest.mark.parametrize("path", PAGES)
async def test_a_user_is_refused_and_a_stranger_led_to_the_door(site: Site, path: str) -> None:
    stranger = await site.http.get(path, headers=PAGE)
    site.sign_in_as()

    user = await site.http.get(path, headers=PAGE)

    assert (stranger.status_code, stranger.headers["location"]) == (303, f"/sign-in?next={path}")
    assert user.status_code == 403


@pytest.mark.parametrize("path", DEEDS)
async def test_a_user_does_nothing_to_others(site: Site, path: str) -> None:
    site.sign_in_as()
    before = site.backends.auth.ada.proto()
    everything = {"amount": "5", "reason": "me", "who": "ada@example.org", "typed": "ada@example.org", "email": "x@y.z"}

    answer = await send(site, path, everything, seen="/account")

    assert answer.status_code == 403
    assert (site.backends.auth.ada.proto(), site.backends.auth.deeds) == (before, [])


@pytest.mark.parametrize("path", DEEDS)
async def test_staff_do_nothing_without_the_forms_token(site: Site, path: str) -> None:
    staff(site)

    answer = await site.http.post(path, data={"amount": "5", "reason": "me"}, headers=PAGE)

    assert answer.status_code == 400
    assert site.backends.auth.deeds == []


async def test_the_way_to_admin_is_shown_to_staff_alone_and_is_current_on_all_its_pages(site: Site) -> None:
    site.sign_in_as()
    of_a_user = await page(site, "/studio")
    staff(site)

    of_staff = await page(site, "/studio")
    there = await page(site, "/admin/codes")
    below = await page(site, "/admin/users/user-1")
    leads = await site.http.get("/admin", headers=PAGE)

    assert 'href="/admin/users"' not in of_a_user
    assert of_staff.count('href="/admin/users">') == 2
    assert there.count('href="/admin/users" aria-current="page">') == 2
    assert re.search(r'href="/admin/codes" aria-current="page"', there)
    assert re.search(r'active" href="/admin/users" aria-current="true"', below)
    assert (leads.status_code, leads.headers["location"]) == (303, "/admin/users")


async def test_the_list_says_of_each_what_they_are_have_and_when_they_were_seen(site: Site) -> None:
    auth = site.backends.auth
    desk, ada, bob = staff(site), auth.people["ada@example.org"], auth.people["bob@example.org"]
    ada.tokens, ada.created_time, ada.last_seen_time = 1204, seconds_ago(90 * 86_400), seconds_ago(300)
    bob.active, bob.latest_session_id = False, "session-of-old"

    text = await page(site, "/admin/users")

    assert listed(text) == [desk.user_id, bob.user_id, ada.user_id]
    assert "active" in row(text, "ada@example.org")
    assert "1,204" in row(text, "ada@example.org")
    assert "5 min ago" in row(text, "ada@example.org")
    assert "suspended" in row(text, "bob@example.org")
    assert "signed out" in row(text, "bob@example.org")
    assert ">new<" in row(text, desk.email)
    assert ">staff<" in row(text, desk.email)
    assert 'Users <span class="dd-meta dd-num">3</span>' in text


async def test_who_never_came_in_was_never_seen(site: Site) -> None:
    staff(site)

    text = await page(site, "/admin/users")

    assert "never" in row(text, "bob@example.org")


@pytest.mark.parametrize(
    ("query", "found"),
    [("ADA@", ["user-1"]), ("user-3", ["user-3"]), ("lovelace", []), ("example.org", ["user-5", "user-3", "user-1"])],
)
async def test_a_search_looks_at_address_name_and_id(site: Site, query: str, found: list[str]) -> None:
    staff(site)

    text = await page(site, f"/admin/users?q={query}")

    assert listed(text) == found
    assert f'value="{query}"' in text
    assert (f"No account has “{query}”" in text) == (not found)


async def test_more_people_than_a_page_holds_are_all_found_by_its_links(site: Site) -> None:
    for number in range(43):
        site.backends.auth.add(f"person-{number}@example.org")
    staff(site)
    seen, path, pages = [], "/admin/users?q=person", 0

    while path:
        text = await page(site, path)
        seen += listed(text)
        pages += 1
        more = re.search(r'href="([^"]+)" data-more=', text)
        path = more[1].replace("&amp;", "&") if more else ""

    assert pages == 3
    assert len(seen) == len(set(seen)) == 43


async def test_a_persons_page_has_profile_balance_entries_and_what_staff_did(site: Site) -> None:
    auth = site.backends.auth
    desk, ada = staff(site), auth.ada
    ada.first_name, ada.held = "Ada", 7
    auth.move(ada, auth_pb2.ENTRY_KIND_HOLD, -7, "task-1")
    auth.note(audit_pb2.DEED_KIND_TOKENS_GRANTED, desk.user_id, "-5 tokens: a mistake", user_id=ada.user_id)
    auth.note(audit_pb2.DEED_KIND_USER_SUSPENDED, "somebody-gone", user_id=ada.user_id)
    auth.note(audit_pb2.DEED_KIND_USER_SUSPENDED, desk.user_id, "of somebody else", user_id="user-3")

    text = await page(site, f"/admin/users/{ada.user_id}")

    assert 'value="Ada"' in text
    assert re.search(r'dd-sum">93 ', text)
    assert "7 tokens" in text
    assert "−7" in text
    assert "a mistake · by desk@example.org" in text
    assert "by somebody-gone" in text
    assert "of somebody else" not in text


async def test_a_ledger_longer_than_a_page_is_read_to_its_end(site: Site) -> None:
    staff(site)
    for number in range(25):
        site.backends.auth.move(site.backends.auth.ada, auth_pb2.ENTRY_KIND_HOLD, -1, f"task-{number}")
    path, lines, pages = "/admin/users/user-1", 0, 0

    while path:
        text = await page(site, path)
        lines += text.count('data-label="Balance"')
        pages += 1
        older = re.search(r'href="([^"]+)">Older entries', text)
        path = older[1].partition("#")[0] if older else ""

    assert (pages, lines) == (3, 26)


@pytest.mark.parametrize("path", ["/admin/users/nobody", "/admin/users/a%20b", "/admin/users/nobody/tokens"])
async def test_nobody_has_no_page(site: Site, path: str) -> None:
    staff(site)

    if path.endswith("tokens"):
        answer = await send(site, path, {"direction": "give", "amount": "5", "reason": "x", "request_id": "r"})
    else:
        answer = await site.http.get(path, headers=PAGE)

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


async def test_staff_change_a_profile_and_only_what_is_different_is_sent(site: Site) -> None:
    staff(site)
    fields = {"email": "ada@example.org", "username": "countess", "first_name": "Ada ", "last_name": "", "mobile": ""}

    answer = await send(site, "/admin/users/user-1/profile", fields)

    ada = site.backends.auth.ada
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/users/user-1")
    assert (ada.username, ada.first_name) == ("countess", "Ada")
    assert [deed.detail for deed in site.backends.auth.deeds] == ["first_name, username"]
    assert "The profile is changed." in await page(site, "/admin/users/user-1")


async def test_a_profile_that_is_as_it_was_is_no_deed(site: Site) -> None:
    staff(site)

    answer = await send(site, "/admin/users/user-1/profile", {"email": "ada@example.org"})

    assert answer.status_code == 303
    assert site.backends.auth.deeds == []


@pytest.mark.parametrize(
    ("field", "typed", "status", "sentence"),
    [
        ("email", "", 422, "Enter an email address."),
        ("email", "no address", 422, "This is no email address."),
        ("email", "bob@example.org", 409, "There is an account with this email already."),
        ("username", "x" * 33, 422, "At most 32 characters."),
        ("mobile", "1" * 13, 422, "At most 12 characters."),
    ],
)
async def test_a_profile_that_is_refused_says_why_under_the_field_and_changes_nothing(
    site: Site, field: str, typed: str, status: int, sentence: str
) -> None:
    staff(site)
    before = site.backends.auth.ada.proto()

    answer = await send(
        site, "/admin/users/user-1/profile", {"email": "ada@example.org", "last_name": "Byron", field: typed}
    )

    assert answer.status_code == status
    assert re.search(rf'id="{field}-wrong">{re.escape(sentence)}<', answer.text)
    assert 'value="Byron"' in answer.text
    assert site.backends.auth.ada.proto() == before


async def test_the_list_counts_the_pictures_of_each_and_stands_without_them_while_tasks_is_away(site: Site) -> None:
    tasks = site.backends.tasks
    tasks.tasks["t"], tasks.owners["t"] = tasks_pb2.Task(task_id="t", images=[tasks_pb2.Image()] * 3), "user-1"
    staff(site)

    counted = await page(site, "/admin/users")
    alone = await page(site, "/admin/users/user-1")
    await site.backends.tasks_server.drain(0)
    uncounted = await page(site, "/admin/users")

    assert 'data-label="Pictures">3<' in row(counted, "ada@example.org")
    assert 'data-label="Pictures">0<' in row(counted, "bob@example.org")
    assert "<dt>Pictures</dt><dd>3</dd>" in alone
    assert "not known just now" in row(uncounted, "ada@example.org")


async def test_a_persons_page_leads_to_their_tasks_and_to_all_that_the_log_says_of_them(site: Site) -> None:
    staff(site)

    text = await page(site, "/admin/users/user-1")

    assert 'href="/admin/queue?who=ada@example.org"' in text
    assert 'href="/admin/audit?who=user-1"' in text


@pytest.mark.parametrize(
    "path",
    [
        "/admin/users?cursor=nonsense",
        "/admin/users/user-1?cursor=nonsense",
        "/admin/tokens?cursor=nonsense",
        "/admin/codes?cursor=nonsense",
    ],
)
async def test_a_page_that_no_list_gave_out_is_refused_in_words(site: Site, path: str) -> None:
    staff(site)

    answer = await site.http.get(path, headers=PAGE)

    assert answer.status_code == 422
    assert "is not one this list gave out" in answer.text
