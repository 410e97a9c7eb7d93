"""Leases on drawings in PostgreSQL, whose clock they go by."""

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from qhana_plugin_runner.db.db import DB

from services.plugins.generation import clock
from services.plugins.generation.models import Drawing, DrawingPart
from services.plugins.generation.store import Drawings
from tests.support import drawing_host
from tests.support.drawing_host import begun


async def test_one_process_has_a_drawing_until_it_leaves_it_or_its_lease_is_out(
    new_postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    async with drawing_host.running(tmp_path, SQLALCHEMY_DATABASE_URI=new_postgres_url()) as host:
        await begun(host)
        first, second, third = (
            Drawings(host.app, holder=name, lease_seconds=lease) for name, lease in (("a", 30), ("b", 0), ("c", 30))
        )

        with host.app.app_context():
            before = DB.session.scalar(sa.select(clock.later(30)))
        taken = [len(each.look([])[0]) for each in (first, second)]
        with host.app.app_context():
            due, after = DB.session.execute(sa.select(Drawing.due, clock.later(30))).one()
        first.release()
        taken += [len(each.look([])[0]) for each in (second, third)]
        with host.app.app_context():
            task_id = DB.session.scalars(sa.select(Drawing.task_id)).one()
        second.fail(task_id, "It is not b's any more.")
        second.forget(task_id)
        third.forget(task_id)
        with host.app.app_context():
            goes_on = DB.session.scalar(sa.select(Drawing.holder)), DB.session.scalar(sa.select(DrawingPart.number))
        third.fail(task_id, "It is over.")
        third.forget(task_id)

        assert taken == [1, 0, 1, 1]
        assert before is not None
        assert before <= due <= after
        assert goes_on == ("c", 0)
        with host.app.app_context():
            assert DB.session.scalar(sa.select(DrawingPart.number)) is None
