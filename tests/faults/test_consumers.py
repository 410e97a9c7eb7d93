"""The ledger killed while it acts on what auth tells: the event comes again, and has its effect once."""

import asyncio
from typing import Any, Final

import pytest
import sqlalchemy as sa

from services.tasks import models
from tests.faults.conftest import NewSystem
from tests.support.aftermath import assert_sound
from tests.support.audit import look
from tests.support.ledger import until
from tests.support.sabotage import Fault
from tests.support.system import System

pytestmark = [pytest.mark.slow, pytest.mark.patient]
ACTING: Final = "services.tasks.people.accounts:Accounts"


async def rows_of(system: System, table: Any) -> int:
    """How many rows a table of the ledger has."""

    def count() -> int:
        engine = sa.create_engine(system.places.tasks_url.replace("+aiosqlite", ""))
        with engine.connect() as connection:
            found = connection.execute(sa.select(sa.func.count()).select_from(table.__table__)).scalar_one()
        engine.dispose()
        return int(found)

    return await asyncio.to_thread(count)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_ledger_killed_round_the_end_of_a_session_acts_on_it_once(new_system: NewSystem, moment: Any) -> None:
    fault = Fault(at=f"{ACTING}.session_ended", when=moment)
    async with new_system(faults={"tasks-0": [fault]}) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        task = await ada.ended((await ada.submit()).task_id)
        await system.sign_out(ada)
        await asyncio.to_thread(system.tasks[0].died)

        await system.start()

        # JetStream gives an event anew once it was not acknowledged for half a minute.
        await until(lambda: acted_on(system), seconds=120)
        assert await rows_of(system, models.Inbox) == 1
        await assert_sound(system, answered=[task.task_id])


async def acted_on(system: System) -> bool:
    """Whether the event is in the inbox, and nothing of it is left to do."""
    return await rows_of(system, models.Inbox) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_ledger_killed_round_the_erasing_of_an_account_erases_all_of_it_in_the_end(
    new_system: NewSystem, moment: Any
) -> None:
    fault = Fault(at=f"{ACTING}.user_deleted", when=moment)
    async with new_system(faults={"tasks-0": [fault]}) as system:
        ada, eve = await system.sign_up(), await system.sign_up()
        await system.ready(ada)
        mine = await ada.ended((await ada.submit(samples=2)).task_id)
        hers = await eve.ended((await eve.submit(samples=2)).task_id)
        await system.delete(ada)
        await asyncio.to_thread(system.tasks[0].died)

        await system.start()

        await until(lambda: only(system, hers.task_id), seconds=120)
        folder = system.places.folder / "images"
        assert not list((folder / mine.task_id[:2] / mine.task_id).glob("*"))
        assert len(list((folder / hers.task_id[:2] / hers.task_id).glob("*.png"))) == 2


async def only(system: System, task_id: str) -> bool:
    """Whether this is the only task left."""
    return [row.uuid for row in (await asyncio.to_thread(look, system.places)).tasks] == [task_id]
