"""People who are gone for good: what still runs for them is believed no more."""

import sqlalchemy as sa
from qhana_plugin_runner.db.db import DB, Base
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column


class GoneOwner(MappedAsDataclass, Base, eq=False, repr=False):
    """One of them. The row stays, as nobody can say for how long a plugin's task sends itself anew."""

    __tablename__ = "gone_owner"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    """As `ProcessingTask.owner`."""


def is_gone(owner: str) -> bool:
    """Whether they are; asked in a transaction of its own."""
    with DB.engine.connect() as connection:
        return connection.scalar(sa.select(GoneOwner.id).where(GoneOwner.id == owner)) is not None
