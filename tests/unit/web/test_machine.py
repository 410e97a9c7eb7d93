"""The machine for staff: the queue, anybody's tasks and the question before one is cancelled, the workers."""

import html

import pytest
from daydream.tasks.v1 import admin_pb2, tasks_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.gateway import PAGE, Site
from tests.support.gateway_machine import GPU
from tests.support.gateway_people import stamp
from tests.support.machine_site import PRICE, grace, grace_s_form, task_of

ROUTES = ("/admin/queue", "/admin/workers", "/admin/audit", "/admin/queue/task-1/cancel", "/admin/events")


async def page(site: Site, path: str) -> str:
    """A page as people read it."""
    answer = await site.http.get(path, headers=PAGE)
    assert answer.status_code == 200, answer.text[:300]
    return html.unescape(answer.text)


@pytest.mark.parametrize("path", ROUTES)
async def test_only_staff_get_in(site: Site, path: str) -> None:
    stranger = await site.http.get(path, headers=PAGE)
    site.sign_in_as("ada@example.org")
    ada = await site.http.get(path, headers=PAGE)

    if path == "/admin/events":
        assert stranger.status_code == 401
    else:
        assert (stranger.status_code, "/sign-in?next=" in stranger.headers["location"]) == (303, True)
    assert ada.status_code == 403
    assert "for the people who run this server" in ada.text


async def test_who_is_no_staff_cancels_nobodys_task(site: Site) -> None:
    task_id = await task_of(site.backends, "bob@example.org", "a boat")
    site.sign_in_as("ada@example.org")
    token = await site.form_token("/studio")

    answer = await site.http.post(f"/admin/queue/{task_id}/cancel", data={"csrf_token": token, "reason": "because"})

    assert answer.status_code == 403
    assert site.backends.tasks.tasks[task_id].state == tasks_pb2.TASK_STATE_QUEUED


async def test_the_queue_shows_what_runs_and_waits_with_whose_it_is(site: Site) -> None:
    ledger = site.backends.tasks
    await task_of(site.backends, "ada@example.org", "a hill & a lake")
    runs = await task_of(site.backends, "bob@example.org", "a boat")
    await ledger.start(runs)
    for _ in range(3):
        await ledger.step(runs)
    grace(site)

    shown = await page(site, "/admin/queue")

    jobs = shown[shown.index('id="jobs"') : shown.index("All tasks")]
    assert "1 running, 1 waiting" in shown
    # What runs stands first.
    assert jobs.index("a boat") < jobs.index("a hill & a lake")
    for words in ("bob@example.org", "ada@example.org", "step 3 of 20, 1 s left, on gpu-1:8013", "next, in under 1 s"):
        assert words in jobs, words
    assert jobs.count("/cancel") == 2


async def test_an_empty_queue_says_so(site: Site) -> None:
    grace(site)

    shown = await page(site, "/admin/queue")

    assert "0 running, 0 waiting" in shown
    assert "Nothing runs and nothing waits." in shown
    assert "Nobody has asked for a picture yet." in shown


async def found(site: Site, query: str) -> list[str]:
    """The prompts that a search shows, newest first."""
    shown = await page(site, f"/admin/queue?{query}")
    rows = shown[shown.index("All tasks") : shown.index('id="foot"')]
    return [prompt for prompt in ("a red boat", "a blue boat", "a hill") if f">{prompt}<" in rows]


async def test_every_task_is_found_by_words_person_and_state(site: Site) -> None:
    ledger = site.backends.tasks
    boat = await task_of(site.backends, "bob@example.org", "a red boat")
    await task_of(site.backends, "ada@example.org", "a blue boat")
    await task_of(site.backends, "ada@example.org", "a hill")
    await ledger.start(boat)
    await ledger.deliver(boat)
    await ledger.end(boat)
    grace(site)
    bob_id = site.backends.auth.people["bob@example.org"].user_id

    assert await found(site, "") == ["a red boat", "a blue boat", "a hill"]
    assert await found(site, "q=BOAT") == ["a red boat", "a blue boat"]
    assert await found(site, "who=ADA@example.org") == ["a blue boat", "a hill"]
    assert await found(site, f"who={bob_id}") == ["a red boat"]
    assert await found(site, "q=boat&state=waiting") == ["a blue boat"]
    assert await found(site, "state=done") == ["a red boat"]
    assert await found(site, "state=nonsense&q=hill") == ["a hill"]
    assert "No task is like that." in await page(site, "/admin/queue?q=castle")
    assert "Nobody here has the address or id “no@example.org”" in await page(site, "/admin/queue?who=no@example.org")


async def test_the_list_pages_and_a_made_up_cursor_is_refused(site: Site) -> None:
    for number in range(25):
        await task_of(site.backends, "ada@example.org", f"boat {number}")
    grace(site)

    first = await page(site, "/admin/queue?q=boat")
    second = await page(site, "/admin/queue?q=boat&cursor=20")
    made_up = await site.http.get("/admin/queue?cursor=bogus", headers=PAGE)

    assert "/admin/queue?q=boat&cursor=20" in first
    rows = second[second.index('id="rows"') :]
    assert (rows.count("<tr"), ">boat 4<" in rows, "Older tasks" in rows) == (5, True, False)
    assert made_up.status_code == 422


async def test_a_task_is_cancelled_with_a_reason_and_its_owner_gets_the_tokens_back(site: Site) -> None:
    task_id = await task_of(site.backends, "ada@example.org", "a boat")
    ada = site.backends.auth.people["ada@example.org"]
    before = ada.tokens
    form = await grace_s_form(site)
    asked = await page(site, f"/admin/queue/{task_id}/cancel?back=/admin/queue?q%3Dboat")

    answer = await site.http.post(
        f"/admin/queue/{task_id}/cancel", data={**form, "reason": " by mistake ", "back": "/admin/queue?q=boat"}
    )

    assert "a boat" in asked
    assert "go back to ada@example.org" in asked
    assert 'value="/admin/queue?q=boat"' in asked
    assert (answer.status_code, answer.headers["location"]) == (303, "/admin/queue?q=boat")
    assert site.backends.tasks.tasks[task_id].state == tasks_pb2.TASK_STATE_CANCELLED
    assert ada.tokens == before + PRICE
    (deed,) = site.backends.machine.deeds
    assert (deed.kind, deed.detail) == (admin_pb2.TASK_DEED_KIND_TASK_CANCELLED, "by mistake")
    assert f"Cancelled. {PRICE} tokens went back to ada@example.org." in await page(site, "/admin/queue")


@pytest.mark.parametrize(
    ("reason", "says"), [("", "Say why"), ("  ", "Say why"), ("x" * 201, "At most 200"), ("a\tb", "on one line")]
)
async def test_without_a_reason_nothing_is_cancelled(site: Site, reason: str, says: str) -> None:
    task_id = await task_of(site.backends, "ada@example.org", "a boat")
    form = await grace_s_form(site)

    answer = await site.http.post(f"/admin/queue/{task_id}/cancel", data={**form, "reason": reason}, headers=PAGE)

    assert answer.status_code == 422
    assert says in answer.text
    assert site.backends.tasks.tasks[task_id].state == tasks_pb2.TASK_STATE_QUEUED
    assert site.backends.machine.deeds == []


async def test_what_has_ended_or_was_never_there_is_not_cancelled(site: Site) -> None:
    task_id = await task_of(site.backends, "ada@example.org", "a boat")
    await site.backends.tasks.start(task_id)
    await site.backends.tasks.deliver(task_id)
    await site.backends.tasks.end(task_id)
    form = {**await grace_s_form(site), "reason": "late", "back": "https://elsewhere.example"}

    ended = await site.http.post(f"/admin/queue/{task_id}/cancel", data=form)
    said = await page(site, "/admin/queue")

    assert ended.headers["location"] == "/admin/queue"
    assert "It had ended already, so nothing was changed." in said
    assert "It is done and stays as it is." in await page(site, f"/admin/queue/{task_id}/cancel")
    for wrong in ("task-999", "no.id"):
        assert (await site.http.get(f"/admin/queue/{wrong}/cancel", headers=PAGE)).status_code == 404
        assert (await site.http.post(f"/admin/queue/{wrong}/cancel", data=form, headers=PAGE)).status_code == 404


async def test_one_that_is_slow_to_stop_is_said_to_stop_at_its_next_step(site: Site) -> None:
    task_id = await task_of(site.backends, "ada@example.org", "a boat")
    await site.backends.tasks.start(task_id)
    site.backends.tasks.slow_to_stop = True
    form = await grace_s_form(site)

    await site.http.post(f"/admin/queue/{task_id}/cancel", data={**form, "reason": "why not"})

    assert "It stops at its next step." in await page(site, "/admin/queue")


async def test_a_form_from_another_site_cancels_nothing(site: Site) -> None:
    task_id = await task_of(site.backends, "ada@example.org", "a boat")
    grace(site)

    answer = await site.http.post(f"/admin/queue/{task_id}/cancel", data={"reason": "because"})

    assert answer.status_code == 400
    assert site.backends.tasks.tasks[task_id].state == tasks_pb2.TASK_STATE_QUEUED


async def test_workers_tell_their_load_their_memory_and_how_long_they_are_up(site: Site) -> None:
    task_id = await task_of(site.backends, "ada@example.org", "a boat")
    await site.backends.tasks.start(task_id)
    grace(site)

    shown = await page(site, "/admin/workers")

    for words in ("1 of 1 ready", GPU, "38.5 steps/s", "1 of 2", "1.1 of 8 GB", "daydream-mini, cpu", "6 days"):
        assert words in shown, words


FATES: list[tuple[dict[str, int], str]] = [
    ({"waiting": 1}, "Its task went back to the queue."),
    ({"waiting": 2}, "Its 2 tasks went back to the queue."),
    ({"failed": 3}, "Its 3 tasks failed."),
    ({"waiting": 1, "running": 2}, "Of its 3 tasks, 1 went back to the queue, 2 went on elsewhere."),
    ({"succeeded": 1, "cancelled": 1}, "Of its 2 tasks, 1 went on elsewhere and got done, 1 was cancelled."),
]


@pytest.mark.parametrize(("fate", "says"), FATES)
async def test_a_silent_worker_says_since_when_and_what_became_of_its_tasks(
    site: Site, fate: dict[str, int], says: str
) -> None:
    silent = admin_pb2.Worker(
        target="gpu-2:8013",
        worker_id="w2",
        seen_time=Timestamp(seconds=stamp().seconds - 240),
        fate=admin_pb2.Fate(**fate),
    )
    site.backends.machine.workers["gpu-2:8013"] = silent
    grace(site)

    shown = await page(site, "/admin/workers")

    assert "1 of 2 ready" in shown
    assert "not answering" in shown
    assert ">4 min</span> ago." in shown
    assert says in shown


async def test_without_a_worker_the_page_says_so(site: Site) -> None:
    site.backends.machine.workers.clear()
    grace(site)

    shown = await page(site, "/admin/workers")

    assert "0 of 0 ready" in shown
    assert "No worker is named in the settings" in shown
