"""One drawing and several processes: whoever follows it no longer does it no harm, and whoever takes it goes on."""

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE

from services.foundation import errors
from services.plugins.generation import Picture, draw, finishing
from services.plugins.generation.course import NOT_TAKEN
from services.plugins.generation.models import Drawing, DrawingPart
from services.plugins.generation.store import Drawings
from services.plugins.generation.threads import THREADS, Threads
from services.plugins.generation.values import Drawn
from services.plugins.identity.callers import ENVIRON
from tests.support import drawing_host
from tests.support.drawing_host import MATRIX, PERSON, DrawingHost, begun, forgotten, held_at_the_ledger, until
from tests.support.fake_worker import png


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[DrawingHost]:
    """A host whose plugins draw."""
    async with drawing_host.running(tmp_path) as made:
        yield made


@pytest.mark.parametrize("refusals", [[], [errors.InvalidInput("It is too large.")]], ids=["drawn", "refused"])
async def test_who_lost_the_lease_leaves_the_drawing_to_who_has_it(
    host: DrawingHost, refusals: list[errors.DaydreamError]
) -> None:
    host.ledger.refusals.extend(refusals)
    address, _ = await begun(host)
    threads = Threads()
    lost, holder = (Drawings(host.app, holder=name, lease_seconds=lease) for name, lease in (("a", 0), ("b", 30)))
    courses = [host.course(each, threads, each.look([])[0][0]) for each in (lost, holder)]

    await courses[0].run()
    between = (await host.task(address))["status"], len(host.grants.open)
    await courses[1].run()

    threads.close()
    assert between == ("PENDING", 1)
    assert (await host.task(address))["status"] == "SUCCESS"
    assert (host.ledger.cancelled, host.grants.open) == (set(), set())
    await forgotten(host)


async def test_only_what_is_over_is_forgotten(host: DrawingHost) -> None:
    _, reference = await begun(host)
    drawings = Drawings(host.app, holder="a", lease_seconds=30)
    task_id = drawings.look([])[0][0].task_id

    drawings.forget(task_id)
    left = _column(host, Drawing.reference)
    drawings.fail(task_id, "It is over.")
    drawings.forget(task_id)

    assert left == [reference]
    assert _column(host, Drawing.reference) == _column(host, DrawingPart.number) == []


@pytest.mark.parametrize("gone", [True, False])
async def test_a_file_that_cannot_be_stored_ends_nothing_unless_the_task_is_gone(
    host: DrawingHost, tmp_path: Path, gone: bool
) -> None:
    address, _ = await begun(host)
    drawings = Drawings(host.app, holder="a", lease_seconds=30)
    held = drawings.look([])[0][0]
    picture = Drawn(file=tmp_path / "p", prompt="a red boat", seed=1)
    picture.file.write_bytes(png(1, 8, 8))
    if gone:
        await host.ask("DELETE", address)
    else:
        # A store that is not there raises what a task that is gone does.
        host.app.config["DEFAULT_FILE_STORE"] = "nowhere"
        STORE.init_app(host.app)
    raised = None

    try:
        finishing.end_well(host.app, drawings, held, [picture])
    except KeyError as error:
        raised = error

    assert (raised is None, drawings.is_settled(held.task_id)) == (gone, gone)


async def test_drawings_are_looked_for_however_long_pictures_take_to_be_stored(host: DrawingHost) -> None:
    storing, go_on = threading.Semaphore(0), threading.Event()

    def waits(*arguments: Any) -> None:
        storing.release()
        go_on.wait(drawing_host.SECONDS)
        finishing.end_well(*arguments)

    host.store = waits
    for _ in range(THREADS):
        await begun(host)

    async def all_are_followed() -> bool | None:
        holders = _column(host, Drawing.holder)
        return (len(holders) == THREADS + 1 and None not in holders) or None

    async with host.following():
        for _ in range(THREADS):
            await asyncio.to_thread(storing.acquire, timeout=drawing_host.SECONDS)
        await begun(host)
        try:
            await until(all_are_followed)
        finally:
            go_on.set()
        await forgotten(host)


async def test_what_was_cancelled_before_it_is_taken_is_not_asked_for(host: DrawingHost) -> None:
    address, _ = await begun(host)
    await host.ask("POST", address, json={"command": "cancel"})

    async with host.following():
        await forgotten(host)

    assert not host.ledger.submits
    assert host.grants.open == set()


async def test_a_process_that_stops_leaves_its_drawings_to_be_taken_at_once(host: DrawingHost) -> None:
    host.ledger.holds = True
    _, request_id = await begun(host)
    async with host.following():
        await held_at_the_ledger(host, request_id)
        held = _column(host, Drawing.holder)

    taken, _ = Drawings(host.app, holder="second", lease_seconds=30).look([])

    assert held == ["first"]
    assert [each.reference for each in taken] == [request_id]


@pytest.mark.parametrize(
    "wrong",
    [{"prompt": "a \ud800"}, {"steps": 2**31}, {"width": "wide"}, {"guidance": float("nan")}],
    ids=["surrogate", "too large", "of another type", "no number"],
)
async def test_a_plugin_hears_at_once_of_values_that_cannot_be_sent(host: DrawingHost, wrong: dict[str, Any]) -> None:
    def ask() -> None:
        with host.app.test_request_context(environ_overrides={ENVIRON: PERSON}):
            draw(ProcessingTask(task_name="of a test"), [Picture(**{"prompt": "a boat", **wrong})])

    with pytest.raises(ValueError, match="no way to take"):
        await asyncio.to_thread(ask)

    assert _column(host, ProcessingTask.id) == _column(host, Drawing.task_id) == []
    assert host.grants.open == set()


async def test_values_that_cannot_be_sent_fail_the_task(host: DrawingHost) -> None:
    address, _ = await begun(host)
    with host.app.app_context():
        DB.session.execute(sa.update(DrawingPart).values(parameters={"prompt": "a \ud800"}))
        DB.session.commit()

    async with host.following():
        task = await host.ended(address)
        await forgotten(host)

    assert (task["status"], task["log"]) == ("FAILURE", NOT_TAKEN)


async def test_one_picture_that_cannot_be_stopped_does_not_keep_the_others_going(host: DrawingHost) -> None:
    host.ledger.holds = True
    address, request_id = await begun(host, MATRIX, prompt="a {red|white} boat")
    (step,) = (await host.task(address))["steps"]
    await host.ask("POST", step["href"], {"use": ["1", "2"], "prompt-1": "a red boat", "prompt-2": "a white boat"})
    host.ledger.unstoppable.add(f"{request_id}:0")

    async with host.following():
        await held_at_the_ledger(host, f"{request_id}:0")
        await held_at_the_ledger(host, f"{request_id}:1")
        await host.ask("POST", address, json={"command": "cancel"})
        await forgotten(host)

    assert host.ledger.cancelled == {f"{request_id}:1"}


async def test_what_was_accepted_and_its_answer_lost_is_stopped_though_it_is_refused_then(host: DrawingHost) -> None:
    host.ledger.holds = True
    host.ledger.losses.extend([errors.Unavailable(), errors.NotAllowed("Not any more.")])
    address, request_id = await begun(host)

    async with host.following():
        task = await host.ended(address)
        await forgotten(host)

    assert (task["status"], task["log"].splitlines()[-1]) == ("FAILURE", "Not any more.")
    assert host.ledger.cancelled == {request_id}


async def test_leases_go_by_the_databases_clock(host: DrawingHost) -> None:
    behind = dt.timedelta(hours=1)

    def strftime(_format: str, _now: str, shift: str) -> str:
        then = utc_now() - behind + dt.timedelta(seconds=float(shift.split(maxsplit=1)[0]))
        return then.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]

    with host.app.app_context():
        sa.event.listen(DB.engine, "connect", lambda made, _: made.create_function("strftime", -1, strftime))
        DB.engine.dispose()
    await begun(host)

    taken = [len(Drawings(host.app, holder=name, lease_seconds=30).look([])[0]) for name in ("a", "b")]

    (due,) = _column(host, Drawing.due)
    assert taken == [1, 0]
    assert due < utc_now() - behind / 2


def _column(host: DrawingHost, column: Any) -> list[Any]:
    with host.app.app_context():
        return list(DB.session.scalars(sa.select(column)))
