"""Pictures that programs bring, and tasks that begin from them, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from daydream.tasks.v1 import tasks_pb2
from starlette.exceptions import HTTPException
from starlette.requests import Request

from services.foundation.rpc import client
from services.web.backends.accounts import Visitor
from services.web.backends.uploads import Uploads
from services.web.shield import BODY_LIMIT_BYTES
from services.web.streams.uploads import MOST_BYTES, READ_OUT_BYTES, Bring
from tests.support import identity
from tests.support.gateway import ADA_KEY, BOB_KEY, Served, Site
from tests.support.gateway_uploads import END

UPLOADS = "/api/v1/uploads"
TASKS = "/api/v1/tasks"


async def picture(total: int, size: int = 65_536) -> AsyncIterator[bytes]:
    """A body of unknown length."""
    for start in range(0, total - len(END), size):
        yield bytes(min(size, total - len(END) - start))
    yield END


async def test_a_picture_larger_than_any_other_body_goes_through_and_comes_back(served: Served) -> None:
    size = 2 * BODY_LIMIT_BYTES + 17

    answer = await served.http.post(UPLOADS, content=picture(size), headers=ADA_KEY)

    assert answer.status_code == 201
    upload = answer.json()
    assert (upload["id"], upload["width"], upload["height"], upload["bytes"]) == ("upload-1", 64, 48, size)
    assert answer.headers["location"] == upload["url"] == f"{UPLOADS}/upload-1"
    back = await served.http.get(upload["url"], headers=ADA_KEY)
    assert (back.status_code, back.headers["content-type"], len(back.content)) == (200, "image/png", size)
    assert "private" in back.headers["cache-control"]
    assert (await served.http.get(upload["url"], headers=BOB_KEY)).json()["reason"] == "UPLOAD_NOT_FOUND"
    assert (await served.http.get(f"{UPLOADS}/nothing", headers=ADA_KEY)).status_code == 404


@pytest.mark.parametrize("body", [b"no picture", bytes(MOST_BYTES) + END], ids=["words", "too large"])
async def test_what_is_refused_is_told_with_a_sentence_and_the_line_stays_good(served: Served, body: bytes) -> None:
    answer = await served.http.post(UPLOADS, content=body, headers=ADA_KEY)

    assert (answer.status_code, answer.json()["reason"]) == (422, "PICTURE_REFUSED")
    assert not served.backends.tasks.uploads
    assert (await served.http.post(UPLOADS, content=END, headers=ADA_KEY)).status_code == 201


async def test_a_key_that_may_not_is_told_so_in_the_midst_of_its_picture(served: Served) -> None:
    served.backends.tasks.closed_to = served.backends.auth.ada.user_id

    answers = [await served.http.post(UPLOADS, content=picture(2**20), headers=ADA_KEY) for _ in range(5)]

    assert {(answer.status_code, answer.json()["reason"]) for answer in answers} == {(403, "NOT_ALLOWED")}


async def test_a_sender_that_falls_silent_is_given_up(served: Served) -> None:
    messages = iter([{"type": "http.request", "body": b"half of it", "more_body": True}])

    async def receive() -> Any:
        return next(messages, None) or await asyncio.Event().wait()

    async def ada(_request: Request) -> Visitor:
        user_id = served.backends.auth.ada.user_id
        token = identity.mint(user_id)
        return Visitor(
            user_id=user_id, email="", username="", staff=False, tokens=1, session_id="", identity=token
        )  # fmt: skip

    channel = client.channel(served.backends.tasks_target)
    bring = Bring(Uploads(channel), ada, piece_seconds=0.05)

    with pytest.raises(HTTPException) as caught:
        await bring.answer(Request({"type": "http", "method": "POST", "headers": []}, receive))

    assert caught.value.status_code == 408
    assert not served.backends.tasks.uploads
    await channel.close()


async def test_nothing_of_a_strangers_body_is_passed_on(served: Served) -> None:
    answer = await served.http.post(UPLOADS, content=picture(3 * BODY_LIMIT_BYTES))

    assert (answer.status_code, answer.json()["reason"]) == (401, "UNKNOWN_API_KEY")
    assert served.backends.tasks.heard == 0


async def test_a_stranger_who_sends_without_end_is_hung_up_on(site: Site) -> None:
    answer = await site.http.post(UPLOADS, content=picture(READ_OUT_BYTES + 2 * BODY_LIMIT_BYTES))

    assert (answer.status_code, answer.headers["connection"]) == (401, "close")


async def test_a_sender_that_leaves_half_way_brings_nothing(served: Served) -> None:
    begun = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b"half of it"
        begun.set()
        await asyncio.Event().wait()

    sending = asyncio.create_task(served.http.post(UPLOADS, content=half(), headers=ADA_KEY))
    await begun.wait()

    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)

    assert (await served.http.post(UPLOADS, content=END, headers=ADA_KEY)).json()["id"] == "upload-1"
    assert len(served.backends.tasks.uploads) == 1


async def test_an_address_beside_it_still_takes_small_bodies_only(served: Served) -> None:
    answer = await served.http.post(TASKS, content=bytes(BODY_LIMIT_BYTES + 1), headers=ADA_KEY)

    assert answer.status_code == 413


EVERYTHING = {
    "start_image": {"upload_id": "upload-1"},
    "mask": {"upload_id": "upload-2"},
    "strength": 0.55,
    "variation_seed": 7,
    "variation_strength": 0.3,
    "guidance_rescale": 0.7,
    "clip_skip": 1,
    "adapters": [{"name": "ink", "weight": 0.55}],
}


async def test_every_mode_is_passed_on_and_given_back_as_it_was_asked_for(site: Site) -> None:
    answer = await site.http.post(TASKS, json={"prompt": "a house", "steps": 50, **EVERYTHING}, headers=ADA_KEY)

    assert answer.status_code == 202
    told = answer.json()["parameters"]
    assert {name: told[name] for name in EVERYTHING} == EVERYTHING
    asked = next(iter(site.backends.tasks.tasks.values())).parameters
    assert asked.start_image == tasks_pb2.StartImage(upload_id="upload-1")
    assert asked.mask_upload_id == "upload-2"
    again = await site.http.post(TASKS, json={**told, "seed": -1}, headers=ADA_KEY)
    assert again.json()["parameters"] == told


async def test_an_image_of_ones_own_is_named_likewise(site: Site) -> None:
    begun = {"prompt": "a house", "start_image": {"image_id": "image-1"}}

    answer = await site.http.post(TASKS, json=begun, headers=ADA_KEY)

    assert answer.json()["parameters"]["start_image"] == {"image_id": "image-1"}


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"start_image": {}}, "start_image", "must name one picture"),
        ({"start_image": {"upload_id": "a", "image_id": "b"}}, "start_image", "must name one picture"),
        ({"start_image": "upload-1"}, "start_image", "must be an object"),
        ({"start_image": {"upload_id": 5}}, "start_image.upload_id", "must be a string"),
        ({"start_image": {"upload_id": ""}}, "start_image.upload_id", "is no id"),
        ({"start_image": {"url": "http://x"}}, "start_image.url", "is no field"),
        ({"start_image": None}, "start_image", "must not be null"),
        ({"mask": {}}, "mask.upload_id", "is missing"),
        ({"strength": 0}, "strength", "above 0"),
        ({"strength": "0.5"}, "strength", "must be a number"),
        ({"strength": True}, "strength", "must be a number"),
        ({"variation_seed": 2**53}, "variation_seed", "2^53"),
        ({"variation_strength": 1.1}, "variation_strength", "between 0 and 1"),
        ({"guidance_rescale": -1}, "guidance_rescale", "between 0 and 1"),
        ({"clip_skip": 2**31}, "clip_skip", "beyond all bounds"),
        ({"clip_skip": 0.5}, "clip_skip", "whole number"),
        ({"adapters": {"name": "ink"}}, "adapters", "must be a list"),
        ({"adapters": [{"weight": 1}]}, "adapters.0.name", "is missing"),
        ({"adapters": [{"name": "a"}, {"name": "b", "weight": 3}]}, "adapters.1.weight", "between −2 and 2"),
        ({"adapters": [{"name": str(n)} for n in range(5)]}, "adapters", "at most 4"),
    ],
    ids=str,
)
async def test_what_cannot_be_meant_is_named(site: Site, wrong: dict[str, Any], field: str, sentence: str) -> None:
    answer = await site.http.post(TASKS, json={"prompt": "a house", **wrong}, headers=ADA_KEY)

    assert answer.status_code == 422
    (told,) = answer.json()["fields"]
    assert told["field"] == field
    assert sentence in told["detail"]
    assert not site.backends.tasks.tasks


async def test_the_document_describes_uploads_and_what_begins_from_them(site: Site) -> None:
    document = (await site.http.get("/api/v1/openapi.json")).json()

    assert set(document["paths"][UPLOADS]) == {"post"}
    assert set(document["paths"][f"{UPLOADS}/{{upload_id}}"]) >= {"get"}
    assert "expires_at" in document["components"]["schemas"]["Upload"]["properties"]
    asked = document["components"]["schemas"]["TaskRequest"]["properties"]
    assert asked.keys() >= EVERYTHING.keys()
