"""Watches end with the right to them; streams go on with another where the right is still there."""

import pytest

from services.foundation import errors
from services.web.streams.sse import Timing
from tests.support import gateway
from tests.support.gateway import ADA_KEY, Served, until
from tests.support.listening import Listener, asked, drawn, listening, sign_in

EXPIRED = errors.NotAuthenticated("The identity token is over.", reason="TOKEN_EXPIRED")
ENDED = errors.NotAuthenticated("The session is over.", reason="SESSION_ENDED")
NO_LOOKS = Timing(heartbeat=0.05, recheck=3600, retry=0.05, first_back_off=0.02, last_back_off=0.1)


def told(listener: Listener, task_id: str) -> list[str]:
    """The states of a task that a page heard of."""
    return [task["state"] for _, data, _ in listener.of("tasks") for task in data["tasks"] if task["id"] == task_id]


async def test_a_page_hears_nothing_of_a_watch_that_outlived_its_token_and_misses_nothing(served: Served) -> None:
    sign_in(served)
    ledger = served.backends.tasks
    async with listening(served, "/events") as page:
        task_id = await asked(served)
        await until(lambda: told(page, task_id) == ["QUEUED"])
        events = len(page.of("tasks"))

        ledger.break_watches(EXPIRED)
        await ledger.start(task_id)
        await until(lambda: len(ledger.watched) == 2 and told(page, task_id) == ["QUEUED", "RUNNING"])
        ledger.break_watches(EXPIRED)
        await until(lambda: len(ledger.watched) == 3 and ledger.watching == 1)
        await drawn(ledger, task_id)
        await until(lambda: "SUCCEEDED" in told(page, task_id))

    revisions = [each.after_revision for each in ledger.watched]
    assert revisions == sorted(set(revisions))
    assert not page.of("away")
    assert all(data["tasks"] for _, data, _ in page.of("tasks")[events:])
    assert all(each.present for each in ledger.watched)


async def test_a_page_whose_session_ended_learns_it_from_the_watch_at_once() -> None:
    async with gateway.served(timing=NO_LOOKS) as served:
        sign_in(served)
        async with listening(served, "/events") as page:
            await until(lambda: bool(page.of("tasks")))

            served.backends.auth.end_all()
            served.backends.tasks.break_watches(ENDED)
            await until(lambda: page.ended)

        assert page.heard[-1][:2] == ("end", {"reason": "SESSION_ENDED"})
        assert not page.of("away")


async def test_a_watch_that_is_over_before_it_answers_is_not_tried_without_a_pause(served: Served) -> None:
    sign_in(served)
    served.backends.tasks.watch_refusal = EXPIRED

    async with listening(served, "/events") as page:
        await until(lambda: len(page.of("away")) >= 2)
        served.backends.tasks.watch_refusal = None
        await until(lambda: bool(page.of("tasks")))

    assert len(served.backends.tasks.watched) == len(page.of("away")) + 1


async def test_while_auth_is_away_a_page_is_told_so_and_goes_on_afterwards(served: Served) -> None:
    sign_in(served)
    async with listening(served, "/events") as page:
        task_id = await asked(served)
        await until(lambda: told(page, task_id) == ["QUEUED"])
        await served.backends.auth_server.drain(0)

        served.backends.tasks.watch_refusal = EXPIRED
        served.backends.tasks.break_watches(EXPIRED)
        await until(lambda: bool(page.of("away")))
        served.backends.tasks.watch_refusal = None
        await served.backends.tasks.start(task_id)
        await until(lambda: told(page, task_id)[-1:] == ["RUNNING"])

    assert not page.of("end")


async def test_a_program_follows_its_task_past_its_token(served: Served) -> None:
    ledger = served.backends.tasks
    task_id = (await served.http.post("/api/v1/tasks", json={"prompt": "a"}, headers=ADA_KEY)).json()["id"]
    async with listening(served, f"/api/v1/tasks/{task_id}/events", **ADA_KEY) as program:
        await until(lambda: bool(program.heard))

        ledger.break_watches(EXPIRED)
        await drawn(ledger, task_id)
        await until(lambda: program.ended)

    assert program.heard[0][1]["state"] == "QUEUED"
    assert (program.heard[-1][0], program.heard[-1][1]["state"]) == ("task", "SUCCEEDED")


async def test_a_program_whose_key_is_revoked_is_not_let_on() -> None:
    async with gateway.served(timing=NO_LOOKS) as served:
        task_id = (await served.http.post("/api/v1/tasks", json={"prompt": "a"}, headers=ADA_KEY)).json()["id"]
        async with listening(served, f"/api/v1/tasks/{task_id}/events", **ADA_KEY) as program:
            await until(lambda: bool(program.heard))

            served.backends.auth.keys.clear()
            served.backends.tasks.break_watches(EXPIRED)
            await until(lambda: program.ended)


@pytest.mark.parametrize("scope", ["", "?scope=all"])
async def test_whoever_has_the_page_open_is_present_and_a_program_is_not(served: Served, scope: str) -> None:
    sign_in(served)
    ledger = served.backends.tasks
    async with listening(served, f"/events{scope}") as page:
        of_page = await asked(served)
        by_key = (await served.http.post("/api/v1/tasks", json={"prompt": "a"}, headers=ADA_KEY)).json()["id"]
        await until(lambda: bool(page.of("tasks")))

    assert [each.present for each in ledger.watched] == [True]
    assert of_page in ledger.from_studio
    assert by_key not in ledger.from_studio
