"""Sessions and accounts through the whole house: what ends at auth ends everywhere, also when NATS was away."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import PIL.Image
import pytest
import sqlalchemy as sa
from daydream.auth.v1 import accounts_pb2, auth_pb2
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import database, errors
from services.foundation.rpc import client
from services.tasks import models
from tests.support import house, ledger
from tests.support.auth import Person
from tests.support.gateway import PAGE, until
from tests.support.house import House
from tests.support.listening import Listener
from tests.support.nats import Nats

STAFF = "staff@daydream.local"
SECONDS = 60
"""Whatever is waited for comes sooner, or not at all."""


@contextlib.asynccontextmanager
async def following(http: httpx.AsyncClient, path: str = "/events") -> AsyncIterator[Listener]:
    """A page, or a program, that follows its tasks."""
    listener = Listener(http, path, {})
    reading = asyncio.create_task(listener.run())
    await until(lambda: bool(listener.heard), seconds=SECONDS)
    try:
        yield listener
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_session_ended_in_another_browser_ends_its_open_page_at_once(tmp_path: Path, nats_url: str) -> None:
    async with house.running(tmp_path, nats_url) as home:
        here = await home.browser(await home.auth.sign_up())
        lost = await home.auth.sign_in()
        elsewhere = await home.browser(lost)

        async with following(elsewhere) as ends, following(here) as stays:
            form = {"csrf_token": await house.form_token(here)}
            answer = await here.post(f"/account/sessions/{lost.session_id}/end", data=form, headers=PAGE)
            # Far sooner than anybody looks by themselves: this gateway does once an hour.
            await until(lambda: ends.ended, seconds=SECONDS)

            assert answer.status_code == 303
            assert ends.heard[-1][:2] == ("end", {"reason": "SESSION_ENDED"})
            assert not ends.of("away")
            assert not stays.ended
        after = await elsewhere.get("/studio", headers=PAGE)
        assert (after.status_code, after.headers["location"]) == (303, "/sign-in?next=/studio")


async def with_everything(home: House) -> tuple[Person, str]:
    """A person with a drawn task, an upload and an API key, which is given too."""
    person = await home.auth.sign_up()
    key = await home.auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine"), metadata=person.metadata)
    channel = client.channel(home.ledger.bind)
    stub = tasks_pb2_grpc.TaskServiceStub(channel)
    request = tasks_pb2.SubmitTaskRequest(
        request_id="only", parameters=tasks_pb2.Parameters(prompt="a red circle", samples=2)
    )
    task = (await stub.SubmitTask(request, metadata=person.metadata)).task
    picture = ledger_picture()
    await stub.UploadImage(iter([tasks_pb2.UploadImageRequest(data=picture)]), metadata=person.metadata)

    async def settled() -> bool:
        found = await stub.GetTask(tasks_pb2.GetTaskRequest(task_id=task.task_id), metadata=person.metadata)
        return found.task.HasField("settled_time")

    await ledger.until(settled, seconds=SECONDS)
    await channel.close()
    return person, key.secret


def ledger_picture() -> bytes:
    """A picture to bring."""
    file = io.BytesIO()
    PIL.Image.new("RGB", (64, 64), (7, 8, 9)).save(file, "PNG")
    return file.getvalue()


async def rows_of(home: House, person: Person) -> dict[str, int]:
    """How many rows of tasks' database speak of a person."""
    engine = database.open_engine(home.ledger.database)
    counted = {}
    # Only read, as a look that keeps writers out would keep the erasure waiting.
    async with database.make_readers(engine)() as session:
        for table in models.Base.metadata.sorted_tables:
            if "user_id" in table.columns:
                rows = sa.select(sa.func.count()).select_from(table).where(table.c.user_id == person.user_id)
                counted[table.name] = (await session.execute(rows)).scalar_one()
    await engine.dispose()
    return counted


def files(home: House) -> list[Path]:
    """Every file of pictures."""
    return [each for each in home.images.rglob("*") if each.is_file()]


async def nothing_left(home: House, person: Person) -> None:
    async def look() -> bool:
        return not any((await rows_of(home, person)).values()) and not files(home)

    await ledger.until(look, seconds=2 * SECONDS)


async def deleted_by_staff(home: House, person: Person) -> None:
    staff = await home.auth.staff(STAFF)
    await home.auth.accounts.DeleteUser(accounts_pb2.DeleteUserRequest(user_id=person.user_id), metadata=staff.metadata)


async def test_a_deleted_account_stops_working_everywhere_and_leaves_only_its_ledger(
    tmp_path: Path, nats_url: str
) -> None:
    async with house.running(tmp_path, nats_url) as home:
        person, key = await with_everything(home)
        page, program = await home.browser(person), await home.program(key)
        before = await home.auth.ledger(person)
        assert sum((await rows_of(home, person)).values()) >= 3
        assert len(files(home)) >= 3

        async with following(page) as open_page:
            await deleted_by_staff(home, person)
            await until(lambda: open_page.ended, seconds=SECONDS)
        await nothing_left(home, person)

        assert open_page.heard[-1][:2] == ("end", {"reason": "SESSION_ENDED"})
        assert (await page.get("/studio", headers=PAGE)).headers["location"].startswith("/sign-in")
        assert (await program.get("/api/v1/tasks")).json()["reason"] == "UNKNOWN_API_KEY"
        assert await home.auth.ledger(person) == before
        assert before == (98, [100, -2])
        late = await refused_submit(home, person)
        assert late == "ACCOUNT_CLOSED"


async def refused_submit(home: House, person: Person) -> str:
    """The reason for which a token that is still believed gets nothing drawn any more."""
    channel = client.channel(home.ledger.bind)
    request = tasks_pb2.SubmitTaskRequest(request_id="late", parameters=tasks_pb2.Parameters(prompt="a red circle"))
    call: Any = tasks_pb2_grpc.TaskServiceStub(channel).SubmitTask(request, metadata=person.metadata)
    with pytest.raises(errors.NotAllowed) as refused, client.translated():
        await call
    await channel.close()
    return refused.value.detail_reason


async def test_an_account_deleted_while_nats_is_away_is_erased_when_it_is_back(tmp_path: Path) -> None:
    nats = Nats()
    try:
        async with house.running(tmp_path, nats.url) as home:
            person, key = await with_everything(home)
            nats.stop()

            await deleted_by_staff(home, person)
            program = await home.program(key)
            refused = await program.get("/api/v1/tasks")
            there = len(files(home))
            nats.start()
            await nothing_left(home, person)

            assert refused.status_code == 401
            assert there >= 3
    finally:
        nats.remove()
