"""The database's clock, which all processes share: leases are set and compared by it."""

import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from qhana_plugin_runner.db.db import UtcTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

ANY_TIME: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""Before all that a clock says now."""


class DatabaseTime(FunctionElement[dt.datetime]):
    """`DatabaseTime(seconds)`: in UTC, in so many seconds, by the database's clock."""

    type = UtcTime()
    inherit_cache = True


@compiles(DatabaseTime, "sqlite")
def _of_sqlite(element: DatabaseTime, compiler: Any, **how: Any) -> str:
    # In the form that times are stored in, which is compared as text.
    seconds = compiler.process(element.clauses, **how)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {seconds} || ' seconds') || '000')"


@compiles(DatabaseTime, "postgresql")
def _of_postgresql(element: DatabaseTime, compiler: Any, **how: Any) -> str:
    seconds = compiler.process(element.clauses, **how)
    return f"(timezone('utc', clock_timestamp()) + make_interval(secs => {seconds}))"


def now() -> sa.ColumnElement[dt.datetime]:
    """The time."""
    return later(0.0)


def later(seconds: float) -> sa.ColumnElement[dt.datetime]:
    """The time in so many seconds."""
    return DatabaseTime(sa.literal(float(seconds), sa.Float()))
