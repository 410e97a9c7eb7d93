"""What the store says when its database does not answer."""

import pytest

from services.foundation import database
from services.foundation.errors import Unavailable
from tests.support import ports
from tests.support.ledger_rows import Store, new_task


async def test_a_database_that_is_away_is_unavailable_for_reads_and_for_writes() -> None:
    engine = database.open_engine(f"postgresql+psycopg://nobody@127.0.0.1:{ports.free_port()}/tasks")
    store = Store(engine)

    with pytest.raises(Unavailable) as read:
        await store.tasks.get("ada", "task")
    with pytest.raises(Unavailable) as written:
        await store.tasks.admit(new_task(), limit=10)

    assert (read.value.retry_after, written.value.retry_after) == (1, 1)
    await engine.dispose()
