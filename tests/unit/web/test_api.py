"""The JSON API as programs see it."""

import asyncio
import json
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from services.foundation import errors
from tests.support.gateway import ADA_KEY, BOB_KEY, Site, until

TASKS = "/api/v1/tasks"
RED_HOUSE = {"prompt": "a red house under a yellow sun"}


async def test_a_task_is_accepted_with_every_default_filled_in(site: Site) -> None:
    answer = await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)

    assert answer.status_code == 202
    task = answer.json()
    assert task["state"] == "QUEUED"
    assert (task["position"], task["ahead"]) == (1, 0)
    assert task["progress"] == {"step": 0, "steps": 20, "percent": 0}
    assert (task["price"], task["charged"], task["images"]) == (1, 0, [])
    assert task["parameters"] == {
        "prompt": "a red house under a yellow sun",
        "negative_prompt": "",
        "model": "daydream-mini",
        "sampler": "DPM++ 2M",
        "steps": 20,
        "guidance": 2.5,
        "width": 256,
        "height": 256,
        "seed": -1,
        "samples": 1,
        "variation_strength": 0.0,
        "guidance_rescale": 0.0,
        "clip_skip": 0,
        "adapters": [],
    }
    assert "error" not in task
    assert "started_at" not in task


async def test_a_finished_task_tells_its_images_with_real_seeds_and_what_it_cost(site: Site) -> None:
    task_id = (await site.http.post(TASKS, json={**RED_HOUSE, "samples": 2}, headers=ADA_KEY)).json()["id"]
    ledger = site.backends.tasks
    await ledger.start(task_id, seed=77)
    await ledger.deliver(task_id)
    await ledger.deliver(task_id)
    await ledger.end(task_id)

    task = (await site.http.get(f"{TASKS}/{task_id}", headers=ADA_KEY)).json()

    assert task["state"] == "SUCCEEDED"
    assert task["progress"]["percent"] == 100
    assert (task["price"], task["charged"]) == (2, 2)
    assert [each["seed"] for each in task["images"]] == [77, 78]
    assert task["images"][0]["url"].startswith("/api/v1/images/")
    assert task["duration_ms"] >= 0
    assert "position" not in task


async def test_a_failed_task_says_why(site: Site) -> None:
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]
    await site.backends.tasks.start(task_id)
    await site.backends.tasks.end(task_id, errors.Unavailable("The worker stopped.", reason="WORKER_LOST"))

    task = (await site.http.get(f"{TASKS}/{task_id}", headers=ADA_KEY)).json()

    assert task["error"] == {"reason": "WORKER_LOST", "message": "The worker stopped."}
    assert task["charged"] == 0


async def test_an_image_arrives_byte_for_byte(site: Site) -> None:
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]
    await site.backends.tasks.start(task_id)
    image = await site.backends.tasks.deliver(task_id)

    answer = await site.http.get(f"/api/v1/images/{image.image_id}", headers=ADA_KEY)

    assert answer.content == site.backends.tasks.files[image.image_id]
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["etag"] == f'"{image.sha256}"'
    assert "private" in answer.headers["cache-control"]


async def test_an_image_that_is_known_already_is_not_sent_again(site: Site) -> None:
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]
    await site.backends.tasks.start(task_id)
    image = await site.backends.tasks.deliver(task_id)

    answer = await site.http.get(
        f"/api/v1/images/{image.image_id}", headers={**ADA_KEY, "If-None-Match": f'"{image.sha256}"'}
    )

    assert answer.status_code == 304
    assert answer.content == b""


async def test_tasks_are_listed_newest_first_a_page_at_a_time(site: Site) -> None:
    ids = [(await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"] for _ in range(3)]

    first = (await site.http.get(TASKS, params={"limit": 2}, headers=ADA_KEY)).json()
    second = (await site.http.get(TASKS, params={"limit": 2, "cursor": first["next_cursor"]}, headers=ADA_KEY)).json()

    assert [each["id"] for each in first["tasks"]] == [ids[2], ids[1]]
    assert [each["id"] for each in second["tasks"]] == [ids[0]]
    assert second["next_cursor"] is None


async def test_the_same_key_and_content_is_one_task_charged_once(site: Site) -> None:
    headers = {**ADA_KEY, "Idempotency-Key": "once"}

    answers = await asyncio.gather(*(site.http.post(TASKS, json=RED_HOUSE, headers=headers) for _ in range(20)))

    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert site.backends.auth.ada.tokens == 99


async def test_the_same_key_with_other_content_is_refused(site: Site) -> None:
    headers = {**ADA_KEY, "Idempotency-Key": "once"}
    await site.http.post(TASKS, json=RED_HOUSE, headers=headers)

    answer = await site.http.post(TASKS, json={"prompt": "a blue house"}, headers=headers)

    assert answer.status_code == 422
    assert answer.json()["reason"] == "REQUEST_ID_REUSED"
    assert len(site.backends.tasks.tasks) == 1


async def test_cancelling_twice_or_after_the_end_changes_nothing(site: Site) -> None:
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]

    first = await site.http.post(f"{TASKS}/{task_id}/cancel", headers=ADA_KEY)
    second = await site.http.post(f"{TASKS}/{task_id}/cancel", headers=ADA_KEY)

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.json() == second.json()
    assert first.json()["state"] == "CANCELLED"
    assert site.backends.auth.ada.tokens == 100


async def test_a_cancel_answers_with_the_end_when_its_worker_stops_in_a_moment(site: Site) -> None:
    ledger = site.backends.tasks
    ledger.slow_to_stop = True
    task_id = (await site.http.post(TASKS, json={**RED_HOUSE, "samples": 2}, headers=ADA_KEY)).json()["id"]
    await ledger.start(task_id)

    asked = asyncio.create_task(site.http.post(f"{TASKS}/{task_id}/cancel", headers=ADA_KEY))
    await until(lambda: ledger.watching == 1)
    await ledger.deliver(task_id)
    await ledger.cancelled(task_id)
    task = (await asked).json()

    assert (task["state"], task["charged"], len(task["images"])) == ("CANCELLED", 1, 1)


@pytest.mark.parametrize("reason", ["TOKEN_EXPIRED", "SESSION_ENDED"])
async def test_a_cancel_is_answered_also_when_the_right_to_watch_ends_meanwhile(site: Site, reason: str) -> None:
    ledger = site.backends.tasks
    ledger.slow_to_stop = True
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]
    await ledger.start(task_id)

    asked = asyncio.create_task(site.http.post(f"{TASKS}/{task_id}/cancel", headers=ADA_KEY))
    await until(lambda: ledger.watching == 1)
    ledger.break_watches(errors.NotAuthenticated("Over.", reason=reason))
    answer = await asked

    assert (answer.status_code, answer.json()["state"]) == (200, "RUNNING")


async def test_a_cancel_does_not_wait_for_a_worker_that_takes_long(site: Site) -> None:
    site.backends.tasks.slow_to_stop = True
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]
    await site.backends.tasks.start(task_id)

    answer = await asyncio.wait_for(site.http.post(f"{TASKS}/{task_id}/cancel", headers=ADA_KEY), 5)

    assert (answer.status_code, answer.json()["state"]) == (200, "RUNNING")
    # The stream is given up, which the other side hears of a moment later.
    await until(lambda: site.backends.tasks.watching == 0)


async def test_a_wrong_cursor_is_named_as_the_api_names_it(site: Site) -> None:
    answer = await site.http.get(TASKS, params={"cursor": "made-up"}, headers=ADA_KEY)

    problem = answer.json()
    assert answer.status_code == 422
    assert problem["fields"] == [{"field": "cursor", "detail": "cursor is not one that an earlier page gave."}]
    assert "page_token" not in answer.text


@pytest.mark.parametrize("path", ["/api/v1/tasks/{task}", "/api/v1/tasks/{task}/events", "/api/v1/images/{image}"])
async def test_what_belongs_to_another_looks_exactly_like_what_is_not_there(site: Site, path: str) -> None:
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]
    await site.backends.tasks.start(task_id)
    image = await site.backends.tasks.deliver(task_id)

    anothers = await site.http.get(path.format(task=task_id, image=image.image_id), headers=BOB_KEY)
    missing = await site.http.get(path.format(task="task-999", image="image-999"), headers=BOB_KEY)

    assert (anothers.status_code, anothers.json()) == (404, missing.json())


async def test_another_persons_task_cannot_be_cancelled(site: Site) -> None:
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]

    answer = await site.http.post(f"{TASKS}/{task_id}/cancel", headers=BOB_KEY)

    assert answer.status_code == 404
    assert (await site.http.get(f"{TASKS}/{task_id}", headers=ADA_KEY)).json()["state"] == "QUEUED"


BAD_BODIES: dict[str, tuple[bytes, int]] = {
    "not JSON": (b"{prompt: red}", 400),
    "nothing": (b"", 400),
    "not UTF-8": (b'{"prompt": "\xff\xfe"}', 400),
    "a key twice": (b'{"prompt": "a", "prompt": "b"}', 400),
    "NaN": (b'{"prompt": "a", "guidance": NaN}', 400),
    "Infinity": (b'{"prompt": "a", "guidance": -Infinity}', 400),
    "a float beyond all": (b'{"prompt": "a", "guidance": 1e999}', 400),
    "ten thousand levels": (b'{"prompt": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400),
    "forty levels": (b'{"prompt": ' + b"[" * 40 + b"]" * 40 + b"}", 400),
    "five thousand digits": (b'{"prompt": "a", "seed": ' + b"9" * 5000 + b"}", 400),
    "a list": (b'["a red house"]', 422),
    "a string": (b'"a red house"', 422),
    "null": (b"null", 422),
}


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_json_without_one_meaning_is_refused(site: Site, body: bytes, status: int) -> None:
    answer = await site.http.post(TASKS, content=body, headers={**ADA_KEY, "Content-Type": "application/json"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert not site.backends.tasks.tasks


BAD_VALUES: list[dict[str, Any]] = [
    *({"steps": value} for value in (0, -1, 10**9, "50", True, 1.5, None, 2**40)),
    *({"width": value} for value in (63, 513, 2**31, -(2**40))),
    *({"height": value} for value in (0, 65)),
    *({"guidance": value} for value in (1e308, -1, "7", True, 10**400)),
    *({"seed": value} for value in (-2, 2**64, 2**53, "1", 1.0, False)),
    *({"samples": value} for value in (0, -1, 11, 1000)),
    *({"prompt": value} for value in ("", "x" * 513, "a\x00b", 7, None, ["a"], "\ud800")),
    {"negative_prompt": "x" * 513},
    *({name: value} for name, value in (("role", "staff"), ("tokens", 1000), ("user_id", "user-2"))),
]


@pytest.mark.parametrize("values", BAD_VALUES, ids=lambda values: str(values)[:40])
async def test_a_value_out_of_bounds_is_refused_by_its_name(site: Site, values: dict[str, Any]) -> None:
    # Written with escapes, which is how JSON spells half a character.
    body = json.dumps({**RED_HOUSE, **values})

    answer = await site.http.post(TASKS, content=body, headers={**ADA_KEY, "Content-Type": "application/json"})

    problem = answer.json()
    assert answer.status_code == 422
    assert next(iter(values)) in {each["field"] for each in problem["fields"]}
    assert problem["detail"].endswith(".")
    assert not site.backends.tasks.tasks
    assert site.backends.auth.ada.tokens == 100


@pytest.mark.parametrize("prompt", ["<script>alert(1)</script>", "{{7*7}}", "'; DROP TABLE task; --", "x" * 512, "🌅"])
async def test_strange_words_are_only_words(site: Site, prompt: str) -> None:
    answer = await site.http.post(TASKS, json={"prompt": prompt}, headers=ADA_KEY)

    assert answer.json()["parameters"]["prompt"] == prompt


@pytest.mark.parametrize("key", ["x" * 256, "", "two words", "ü"])
async def test_an_idempotency_key_that_cannot_be_kept_is_refused(site: Site, key: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in {**ADA_KEY, "Idempotency-Key": key}.items()]

    answer = await site.http.post(TASKS, json=RED_HOUSE, headers=headers)

    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_only_json_is_read_as_json(site: Site, content_type: str) -> None:
    headers = {**ADA_KEY, "Content-Type": content_type}

    answer = await site.http.post(TASKS, content=b'{"prompt": "a"}', headers=headers)

    assert answer.status_code == 415
    assert answer.json()["reason"] == "NOT_JSON"


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer dd_unknown_key_00"]
)
@pytest.mark.parametrize("path", [TASKS, f"{TASKS}/t", f"{TASKS}/t/events", "/api/v1/images/i"])
async def test_without_a_good_key_nothing_is_told(site: Site, path: str, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = await site.http.get(path, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["reason"] == "UNKNOWN_API_KEY"


async def test_a_cookie_is_no_key(site: Site) -> None:
    site.sign_in_as()

    answer = await site.http.post(TASKS, json=RED_HOUSE)

    assert answer.status_code == 401
    assert not site.backends.tasks.tasks


async def test_too_few_tokens_say_price_and_balance(site: Site) -> None:
    site.backends.auth.ada.tokens = 3

    answer = await site.http.post(TASKS, json={**RED_HOUSE, "samples": 4}, headers=ADA_KEY)

    assert answer.status_code == 402
    assert answer.json()["reason"] == "NOT_ENOUGH_TOKENS"
    assert answer.json()["metadata"] == {"price": "4", "balance": "3"}


async def test_a_full_queue_says_when_to_come_back(site: Site) -> None:
    site.backends.tasks.refusal = errors.TooMuch("The queue is full.", reason="QUEUE_FULL", retry_after=6.2)

    answer = await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["reason"] == "QUEUE_FULL"


async def test_tasks_being_away_is_a_503_without_their_words(site: Site) -> None:
    await site.backends.tasks_server.drain(0)

    answer = await site.http.get(TASKS, headers=ADA_KEY)

    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "metadata" not in answer.json()


@pytest.mark.parametrize(
    "path", ["/api/v1/tasks/..%2f..%2fetc", "/api/v1/images/%00", "/api/v1/images/..%2fx", "/api/v1/tasks/" + "x" * 65]
)
async def test_an_id_that_cannot_be_one_is_not_found(site: Site, path: str) -> None:
    answer = await site.http.get(path, headers=ADA_KEY)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_answers_keep_to_the_openapi_document(site: Site) -> None:
    document = (await site.http.get("/api/v1/openapi.json")).json()
    task_id = (await site.http.post(TASKS, json=RED_HOUSE, headers=ADA_KEY)).json()["id"]
    await site.backends.tasks.start(task_id)
    await site.backends.tasks.deliver(task_id)
    await site.backends.tasks.end(task_id)

    task = (await site.http.get(f"{TASKS}/{task_id}", headers=ADA_KEY)).json()
    problem = (await site.http.get(f"{TASKS}/nothing", headers=ADA_KEY)).json()

    assert document["openapi"] == "3.1.0"
    assert {"/api/v1/tasks", "/api/v1/tasks/{task_id}/events", "/api/v1/images/{image_id}"} <= set(document["paths"])
    errors_told = document["components"]["responses"]["DEFAULT_ERROR"]["content"]
    assert set(errors_told) == {"application/problem+json"}
    asked = document["components"]["schemas"]["TaskRequest"]["properties"]
    assert {asked[name]["minimum"] for name in ("steps", "width", "height", "samples")} == {1}
    told = document["components"]["schemas"]["Task"]["properties"]
    assert {told[name]["format"] for name in ("created_at", "started_at", "finished_at")} == {"date-time"}
    assert "PaginationMetadata" not in document["components"]["schemas"]
    for schema, instance in (("Task", task), ("Problem", problem)):
        strict = {**document["components"]["schemas"][schema], "components": document["components"]}
        jsonschema.validate(instance, {**strict, "additionalProperties": False})
