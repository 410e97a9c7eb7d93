"""The live line of the pages for staff: what it tells, and when it ends."""

import contextlib
from typing import Any

import httpx

from services.foundation import errors
from tests.support.gateway import Served, until
from tests.support.gateway_machine import GPU
from tests.support.listening import Listener, listening
from tests.support.machine_site import STAFF, grace, task_of

EXPIRED = errors.NotAuthenticated("Over.", reason="TOKEN_EXPIRED")


def told(page: Listener) -> list[dict[str, Any]]:
    """What came as `machine`."""
    return [data for _, data, _ in page.of("machine")]


def rows(page: Listener) -> dict[str, str]:
    """The queue's rows as the page has them now, by task."""
    shown: dict[str, str] = {}
    for news in told(page):
        shown = {} if news["full"] else shown
        shown |= {row["id"]: row["html"] for row in news["rows"]}
        for task_id in news["gone"]:
            shown.pop(task_id, None)
    return shown


async def test_staff_hear_of_everybodys_tasks_first_all_and_then_what_changes(served: Served) -> None:
    ledger = served.backends.tasks
    first = await task_of(served.backends, "ada@example.org", "a boat & a <b>")
    grace(served)
    async with listening(served, "/admin/events") as page:
        await until(lambda: first in rows(page))
        second = await task_of(served.backends, "bob@example.org", "a hill")
        await until(lambda: second in rows(page))
        await ledger.start(second)
        await ledger.step(second)
        await until(lambda: "step 1 of 20" in rows(page)[second])
        await ledger.cancelled(first)
        await until(lambda: first not in rows(page))

    opening = told(page)[0]
    assert opening["full"] is True
    assert opening["counts"] == "0 running, 1 waiting"
    assert opening["ready"]["words"] == "1 of 1 ready"
    assert GPU in opening["workers"]
    # Whatever people write stays text.
    assert "a boat &amp; a &lt;b&gt;" in opening["rows"][0]["html"]
    assert "ada@example.org" in opening["rows"][0]["html"]
    assert all(not news["full"] for news in told(page)[1:])
    assert told(page)[-1]["counts"] == "1 running, 0 waiting"


async def test_a_worker_that_falls_silent_is_told(served: Served) -> None:
    grace(served)
    async with listening(served, "/admin/events") as page:
        await until(lambda: bool(told(page)))
        served.backends.machine.workers[GPU].answers = False
        await served.backends.machine.tell()
        await until(lambda: "not answering" in told(page)[-1].get("workers", ""))

    assert told(page)[-1]["ready"] == {"words": "0 of 1 ready", "look": "dd-chip-danger"}


async def test_a_watch_that_ran_out_is_gone_on_with_and_begins_with_everything(served: Served) -> None:
    task_id = await task_of(served.backends, "ada@example.org", "a boat")
    grace(served)
    async with listening(served, "/admin/events") as page:
        await until(lambda: bool(told(page)))
        served.backends.tasks.break_watches(EXPIRED)
        await until(lambda: len(told(page)) > 1)

    assert [news["full"] for news in told(page)] == [True, True]
    assert [row["id"] for row in told(page)[1]["rows"]] == [task_id]
    assert page.of("away") == []


async def test_while_tasks_is_away_the_page_is_told_so_and_then_all_of_it_again(served: Served) -> None:
    grace(served)
    async with listening(served, "/admin/events") as page:
        await until(lambda: bool(told(page)))
        served.backends.machine.watch_refusal = errors.Unavailable("tasks is away", reason="BROKEN")
        served.backends.tasks.break_watches()
        await until(lambda: len(page.of("away")) > 1)
        served.backends.machine.watch_refusal = None
        await until(lambda: len(told(page)) > 1)

    assert told(page)[-1]["full"] is True


async def test_who_signs_out_or_is_no_staff_any_more_hears_nothing_more(served: Served) -> None:
    for end in ("session", "role"):
        grace(served)
        async with listening(served, "/admin/events") as page:
            await until(lambda: bool(told(page)))
            if end == "session":
                served.backends.auth.sessions.clear()
            else:
                served.backends.auth.people[STAFF].staff = False
            await until(lambda: bool(page.of("end")))

        assert page.of("end")[0][1] == {"reason": "SESSION_ENDED"}
        await until(lambda: served.backends.machine.watching == 0)


async def test_a_person_holds_so_many_lines_open_and_gives_their_place_back(served: Served) -> None:
    grace(served)
    user_id = served.backends.auth.people[STAFF].user_id
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(20):
            page = await stack.enter_async_context(listening(served, "/admin/events"))
        await until(lambda: bool(told(page)))

        refused = await served.http.get("/admin/events")

        assert (refused.status_code, refused.json()["reason"]) == (429, "TOO_MANY_STREAMS")
    await until(lambda: served.gateway.hub.count(user_id) == 0)


async def test_a_look_without_a_body_opens_nothing(served: Served) -> None:
    grace(served)

    answer = await served.http.head("/admin/events")

    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
    assert served.backends.machine.watching == 0


async def test_another_method_is_refused(served: Served) -> None:
    grace(served)

    answer: httpx.Response = await served.http.post("/admin/events")

    assert answer.status_code == 405
