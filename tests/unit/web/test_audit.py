"""The audit log for staff: both services' deeds in plain sentences, paged, and filtered by person."""

import html
import re

import pytest
from daydream.auth.v1 import audit_pb2
from daydream.tasks.v1 import admin_pb2

from services.web.pages.machine import sentences
from tests.support.gateway import PAGE, Site
from tests.support.machine_site import STAFF, grace


def ids(site: Site) -> tuple[str, str]:
    """Grace's and Ada's."""
    grace(site)
    people = site.backends.auth.people
    return people[STAFF].user_id, people["ada@example.org"].user_id


async def lines(site: Site, query: str = "") -> tuple[list[str], str]:
    """What the page says, newest first, and the address of the page after it."""
    answer = await site.http.get(f"/admin/audit{query}", headers=PAGE)
    assert answer.status_code == 200, answer.text[:300]
    listed = re.findall(r"<li>(.*?)</li>", answer.text[answer.text.find('id="deeds"') :], re.DOTALL)
    said = [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", each)).split()) for each in listed]
    older = re.search(r'href="(/admin/audit)(\?[^"]*)" data-more', answer.text)
    return [each.replace(" .", ".") for each in said], html.unescape(older[2]) if older else ""


async def test_every_kind_of_deed_is_a_sentence(site: Site) -> None:
    grace_id, ada_id = ids(site)
    auth, machine = site.backends.auth, site.backends.machine
    of_codes = {audit_pb2.DEED_KIND_CODE_ISSUED, audit_pb2.DEED_KIND_CODE_WITHDRAWN}
    for kind in audit_pb2.DeedKind.values()[1:]:
        auth.note(kind, grace_id, user_id="" if kind in of_codes else ada_id)
    auth.note(audit_pb2.DEED_KIND_TOKENS_GRANTED, "", "-5 tokens: a refund", user_id=ada_id)
    machine.note(admin_pb2.TASK_DEED_KIND_TASK_CANCELLED, grace_id, user_id=ada_id, task_id="t", detail="by mistake")
    for ruling in (admin_pb2.TASK_DEED_KIND_PICTURE_HIDDEN, admin_pb2.TASK_DEED_KIND_PICTURE_RESTORED):
        machine.note(ruling, grace_id, user_id=ada_id, gallery_id="g", detail="")
        machine.note(ruling, "", detail="")
    machine.note(admin_pb2.TASK_DEED_KIND_TASK_CANCELLED, "")

    said = [re.sub(r" \d{4}-\d\d-\d\d \d\d:\d\d UTC$", "", each) for each in (await lines(site))[0]]

    by_grace = f"{STAFF} "
    assert said[::-1] == [
        by_grace + "gave tokens to ada@example.org.",
        by_grace + "suspended ada@example.org.",
        by_grace + "let ada@example.org in again.",
        by_grace + "deleted ada@example.org.",
        by_grace + "changed the profile of ada@example.org.",
        by_grace + "made a link for a new password for ada@example.org.",
        by_grace + "issued a code.",
        by_grace + "withdrew a code.",
        "Somebody at the command line took tokens from ada@example.org. -5 tokens: a refund",
        by_grace + "cancelled a task of ada@example.org. by mistake",
        by_grace + "hid a picture of ada@example.org in the gallery ( the picture ).",
        "Somebody whose account is gone hid a picture in the gallery.",
        by_grace + "showed a picture of ada@example.org in the gallery again ( the picture ).",
        "Somebody whose account is gone showed a picture in the gallery again.",
        "Somebody whose account is gone cancelled a task of somebody whose account is gone.",
    ]


def test_no_kind_is_without_words() -> None:
    assert set(sentences._AUTH) == set(audit_pb2.DeedKind.values()[1:])
    assert set(sentences._TASKS) == set(admin_pb2.TaskDeedKind.values()[1:])


async def test_a_deleted_account_is_told_by_its_id(site: Site) -> None:
    grace_id, _ = ids(site)
    site.backends.auth.note(audit_pb2.DEED_KIND_USER_DELETED, grace_id, user_id="user-gone")

    said, _ = await lines(site)

    assert said[0].startswith(f"{STAFF} deleted account user-gone.")


async def test_both_logs_page_as_one(site: Site) -> None:
    grace_id, ada_id = ids(site)
    for number in range(40):
        if number % 3:
            site.backends.auth.note(audit_pb2.DEED_KIND_USER_SUSPENDED, grace_id, f"no. {number}.", user_id=ada_id)
        else:
            site.backends.machine.note(
                admin_pb2.TASK_DEED_KIND_TASK_CANCELLED, grace_id, user_id=ada_id, detail=f"no. {number}."
            )

    first, older = await lines(site)
    second, end = await lines(site, older)

    numbers = [int(found[1]) for each in (*first, *second) if (found := re.search(r"no\. (\d+)\.", each))]
    assert (len(first), len(second), end) == (30, 10, "")
    assert numbers == list(range(39, -1, -1))


async def test_a_person_is_found_by_what_was_done_to_and_by_them(site: Site) -> None:
    grace_id, ada_id = ids(site)
    bob_id = site.backends.auth.people["bob@example.org"].user_id
    site.backends.auth.note(audit_pb2.DEED_KIND_USER_SUSPENDED, grace_id, "to Ada", user_id=ada_id)
    site.backends.auth.note(audit_pb2.DEED_KIND_USER_SUSPENDED, grace_id, "to Bob", user_id=bob_id)
    site.backends.machine.note(admin_pb2.TASK_DEED_KIND_TASK_CANCELLED, ada_id, user_id=bob_id, detail="by Ada")
    site.backends.machine.note(admin_pb2.TASK_DEED_KIND_TASK_CANCELLED, ada_id, user_id=ada_id, detail="to herself")

    by_email, _ = await lines(site, "?who=ADA@example.org")
    by_id, _ = await lines(site, f"?who={ada_id}")
    nobody = await site.http.get("/admin/audit?who=no@example.org", headers=PAGE)

    assert [words for each in by_email for words in ("to herself", "by Ada", "to Ada", "to Bob") if words in each] == [
        "to herself", "by Ada", "to Ada",
    ]  # fmt: skip
    assert by_id == by_email
    assert "Nobody here has the address or id “no@example.org”." in html.unescape(nobody.text)


async def test_an_empty_log_says_what_will_stand_there(site: Site) -> None:
    grace(site)

    page = await site.http.get("/admin/audit", headers=PAGE)

    assert "Nothing yet." in page.text


@pytest.mark.parametrize("cursor", ["bogus", "W10=", "%00"])
async def test_a_made_up_cursor_is_refused(site: Site, cursor: str) -> None:
    grace(site)

    answer = await site.http.get(f"/admin/audit?cursor={cursor}", headers=PAGE)

    assert answer.status_code == 422
