"""Event streams: what they tell, how they resume, how they end."""

import contextlib

import pytest

from services.foundation import errors
from tests.support import gateway
from tests.support.gateway import ADA_KEY, BOB_KEY, Served, until
from tests.support.listening import asked, drawn, listening, sign_in


async def test_a_page_hears_its_tasks_from_queue_to_picture(served: Served) -> None:
    sign_in(served)
    async with listening(served, "/events") as page:
        task_id = await asked(served)
        # All of it is drawn in one breath: who is not told of the queue before never is.
        await until(lambda: any(data["tasks"] for _, data, _ in page.of("tasks")))

        await drawn(served.backends.tasks, task_id)
        await until(
            lambda: any(each["state"] == "SUCCEEDED" for _, data, _ in page.of("tasks") for each in data["tasks"])
        )

    states = [each["state"] for _, data, _ in page.of("tasks") for each in data["tasks"]]
    last = page.of("tasks")[-1][1]["tasks"][-1]
    assert states[0] == "QUEUED"
    assert states[-1] == "SUCCEEDED"
    assert last["images"][0]["url"].startswith("/images/")
    assert last["settled"] is True


async def test_mere_progress_travels_as_progress_with_its_preview(served: Served) -> None:
    sign_in(served)
    async with listening(served, "/events") as page:
        task_id = await asked(served)
        await served.backends.tasks.start(task_id)
        await until(
            lambda: any(each["state"] == "RUNNING" for _, data, _ in page.of("tasks") for each in data["tasks"])
        )

        await served.backends.tasks.step(task_id, preview=b"picture")
        await until(lambda: bool(page.of("progress")))

    moved = page.of("progress")[-1][1]["tasks"][0]
    assert moved["progress"] == {"step": 1, "steps": 20, "percent": 5}
    assert moved["preview"] == {"type": "image/webp", "data": "cGljdHVyZQ=="}


async def test_events_carry_revisions_and_a_reconnect_goes_on_from_the_last(served: Served) -> None:
    sign_in(served)
    first, second = await asked(served), await asked(served)
    async with listening(served, "/events") as page:
        await until(lambda: bool(page.of("tasks")))
    last_id = page.heard[-1][2]
    await drawn(served.backends.tasks, second)

    async with listening(served, "/events", **{"Last-Event-ID": last_id}) as again:
        await until(lambda: bool(again.of("tasks")))

    told = {each["id"] for _, data, _ in again.of("tasks") for each in data["tasks"]}
    assert int(again.heard[-1][2]) > int(last_id)
    assert told == {second}
    assert first not in told


@pytest.mark.parametrize("bogus", ["-1", "abc", "1e3", "9" * 30, str(2**62), "", "½"])
async def test_a_bogus_last_event_id_means_from_the_beginning(served: Served, bogus: str) -> None:
    sign_in(served)
    task_id = await asked(served)

    async with listening(served, "/events", **{"Last-Event-ID": bogus.encode()}) as page:  # type: ignore[arg-type]
        await until(lambda: any(data["tasks"] for _, data, _ in page.of("tasks")))

    assert page.of("tasks")[-1][1]["tasks"][0]["id"] == task_id


async def test_a_page_hears_nothing_of_others_and_of_other_sessions_only_when_it_asks(served: Served) -> None:
    await served.http.post("/api/v1/tasks", json={"prompt": "bob's"}, headers=BOB_KEY)
    await served.http.post("/api/v1/tasks", json={"prompt": "by key"}, headers=ADA_KEY)
    sign_in(served)

    async with listening(served, "/events") as session, listening(served, "/events?scope=all") as everything:
        await until(lambda: bool(session.of("tasks")) and bool(everything.of("tasks")))

    assert session.of("tasks")[0][1]["tasks"] == []
    assert [each["parameters"]["prompt"] for each in everything.of("tasks")[0][1]["tasks"]] == ["by key"]


async def test_a_quiet_stream_shows_that_it_lives(served: Served) -> None:
    sign_in(served)

    async with listening(served, "/events") as page:
        await until(lambda: page.comments >= 2)


async def test_a_session_that_ends_elsewhere_ends_its_streams(served: Served) -> None:
    sign_in(served)
    async with listening(served, "/events") as page:
        await until(lambda: bool(page.of("tasks")))

        served.backends.auth.end_all()
        await until(lambda: page.ended)

    assert page.heard[-1][:2] == ("end", {"reason": "SESSION_ENDED"})


async def test_a_stream_outlives_auth_being_away(served: Served) -> None:
    sign_in(served)
    async with listening(served, "/events") as page:
        await until(lambda: bool(page.of("tasks")))
        task_id = await asked(served)
        await served.backends.auth_server.drain(0)
        comments = page.comments

        # Two heartbeats pass several looks at the session.
        await until(lambda: page.comments >= comments + 4)
        await served.backends.tasks.start(task_id)
        await until(
            lambda: any(each["state"] == "RUNNING" for _, data, _ in page.of("tasks") for each in data["tasks"])
        )

    assert not page.of("end")


async def test_a_stream_that_tasks_breaks_off_is_opened_again_from_where_it_was(served: Served) -> None:
    sign_in(served)
    async with listening(served, "/events") as page:
        task_id = await asked(served)
        await until(lambda: any(data["tasks"] for _, data, _ in page.of("tasks")))

        served.backends.tasks.break_watches()
        await until(lambda: bool(page.of("away")))
        await drawn(served.backends.tasks, task_id)
        await until(lambda: page.of("tasks")[-1][1]["tasks"] != [] and page.of("tasks")[-1][1]["tasks"][0]["settled"])

    assert not page.ended


async def test_a_page_that_leaves_is_noticed(served: Served) -> None:
    sign_in(served)
    async with listening(served, "/events"):
        await until(lambda: served.backends.tasks.watching == 1)

    await until(lambda: served.backends.tasks.watching == 0)
    await until(lambda: served.gateway.hub.count("user-1") == 0)


async def test_one_person_cannot_hold_more_than_twenty_streams(served: Served) -> None:
    sign_in(served)
    async with contextlib.AsyncExitStack() as open_streams:
        for _ in range(20):
            await open_streams.enter_async_context(listening(served, "/events"))

        answer = await served.http.get("/events")
        bobs = await served.http.post("/api/v1/tasks", json={"prompt": "bob's"}, headers=BOB_KEY)
        task = await open_streams.enter_async_context(
            listening(served, f"/api/v1/tasks/{bobs.json()['id']}/events", **BOB_KEY)
        )

        assert (answer.status_code, answer.json()["reason"]) == (429, "TOO_MANY_STREAMS")
        assert "retry-after" in answer.headers
        assert task.status == 200

    await until(lambda: served.gateway.hub.count("user-1") == 0)


async def test_nobody_follows_without_a_session(served: Served) -> None:
    answer = await served.http.get("/events")

    assert answer.status_code == 401
    assert answer.json()["reason"] == "SESSION_ENDED"


async def test_open_streams_are_ended_when_the_server_stops_and_not_waited_for() -> None:
    # What is waited for would be so for longer than the end of the stream is.
    async with gateway.served(drain_seconds=120) as served:
        sign_in(served)
        async with listening(served, "/events") as page:
            await until(lambda: bool(page.of("tasks")))

            served.server.should_exit = True
            await until(lambda: page.ended)


async def test_a_program_follows_its_task_to_the_end(served: Served) -> None:
    task_id = (await served.http.post("/api/v1/tasks", json={"prompt": "a"}, headers=ADA_KEY)).json()["id"]
    async with listening(served, f"/api/v1/tasks/{task_id}/events", **ADA_KEY) as program:
        await until(lambda: bool(program.heard))

        await drawn(served.backends.tasks, task_id)
        await until(lambda: program.ended)

    assert program.heard[0][1]["state"] == "QUEUED"
    assert program.heard[-1][:1] == ("task",)
    assert program.heard[-1][1]["state"] == "SUCCEEDED"
    assert program.heard[-1][1]["images"][0]["url"].startswith("/api/v1/images/")
    assert [int(each[2]) for each in program.heard] == sorted(int(each[2]) for each in program.heard)


async def test_a_task_that_has_ended_is_told_at_once(served: Served) -> None:
    task_id = (await served.http.post("/api/v1/tasks", json={"prompt": "a"}, headers=ADA_KEY)).json()["id"]
    await served.backends.tasks.start(task_id)
    await served.backends.tasks.end(task_id, errors.Unavailable("The worker stopped.", reason="WORKER_LOST"))

    async with listening(served, f"/api/v1/tasks/{task_id}/events", **ADA_KEY) as program:
        await until(lambda: program.ended)

    assert [(name, data["state"]) for name, data, _ in program.heard] == [("task", "FAILED")]


async def ended_task(served: Served) -> tuple[str, int]:
    """A task that is over; its id and last revision."""
    task_id = (await served.http.post("/api/v1/tasks", json={"prompt": "a"}, headers=ADA_KEY)).json()["id"]
    await drawn(served.backends.tasks, task_id)
    return task_id, served.backends.tasks.tasks[task_id].revision


async def test_who_heard_the_end_is_told_not_to_come_back(served: Served) -> None:
    task_id, last = await ended_task(served)

    answer = await served.http.get(f"/api/v1/tasks/{task_id}/events", headers={**ADA_KEY, "Last-Event-ID": str(last)})

    assert (answer.status_code, answer.content) == (204, b"")
    assert served.gateway.hub.count("user-1") == 0


async def test_a_revision_beyond_the_end_is_answered_with_the_end(served: Served) -> None:
    task_id, last = await ended_task(served)
    bogus = {**ADA_KEY, "Last-Event-ID": str(last + 1000)}

    async with listening(served, f"/api/v1/tasks/{task_id}/events", **bogus) as program:
        await until(lambda: program.ended)

    assert [(name, data["state"]) for name, data, _ in program.heard] == [("task", "SUCCEEDED")]


async def test_a_revoked_key_ends_its_streams(served: Served) -> None:
    task_id = (await served.http.post("/api/v1/tasks", json={"prompt": "a"}, headers=ADA_KEY)).json()["id"]
    async with listening(served, f"/api/v1/tasks/{task_id}/events", **ADA_KEY) as program:
        await until(lambda: bool(program.heard))

        served.backends.auth.keys.clear()
        await until(lambda: program.ended)
