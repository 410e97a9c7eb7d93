"""`DB`: one Flask-SQLAlchemy object that the host and plugins share; it belongs to whichever app is current.

Reads hold no lock: on SQLite the driver begins a transaction at the first write, so that a plugin which has read
something and then calls the host's own HTTP, or sends a task, keeps nobody waiting. A write waits for its turn.
"""

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase

WAIT_SECONDS: Final = 10
"""For so long a write waits for another one."""


class _Root(DeclarativeBase):
    pass


DB: Final = SQLAlchemy(model_class=_Root, disable_autonaming=True)
# Flask-SQLAlchemy makes a class of its own from the root; that is the one which tables stand below.
if TYPE_CHECKING:
    Base = _Root
else:
    Base = DB.Model
REGISTRY: Final = Base.registry
"""Where plugins map tables of their own: `@REGISTRY.mapped_as_dataclass`."""


class UtcTime(sa.types.TypeDecorator[dt.datetime]):
    """Times in UTC without a zone, as plugins write and read them; one with a zone is converted."""

    impl = sa.DateTime(timezone=False)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Store UTC."""
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(dt.UTC).replace(tzinfo=None)


def utc_now() -> dt.datetime:
    """The time in UTC, without a zone."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def prepare(app: Flask) -> None:
    """Bind DB to the app; opens no connection yet."""
    uri = str(app.config.get("SQLALCHEMY_DATABASE_URI", ""))
    options = dict(app.config.get("SQLALCHEMY_ENGINE_OPTIONS") or {})
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {**_engine_options(uri), **options}
    DB.init_app(app)
    with app.app_context():
        if DB.engine.dialect.name == "sqlite":
            sa.event.listen(DB.engine, "connect", _prepare_sqlite)


def _engine_options(uri: str) -> dict[str, Any]:
    # What errors say goes to logs and to people, so it leaves out the values of a statement.
    common: dict[str, Any] = {"hide_parameters": True}
    if not uri.startswith("postgresql"):
        return common
    return {
        **common,
        "pool_pre_ping": True,
        "connect_args": {"connect_timeout": 5, "options": f"-c lock_timeout={WAIT_SECONDS * 1000}"},
    }


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # FULL, not NORMAL: an answered write must survive a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={WAIT_SECONDS * 1000}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
