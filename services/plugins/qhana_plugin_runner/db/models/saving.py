"""How plugins save, find and delete what is kept: the same four words for every table."""

from typing import Self

import sqlalchemy as sa
from qhana_plugin_runner.db.db import DB
from sqlalchemy.orm import MappedAsDataclass


class Saved(MappedAsDataclass, eq=False, repr=False):
    """For tables with a column `id`."""

    def save(self, commit: bool = False) -> None:
        """Add it to the session; `commit` writes everything that the session holds."""
        DB.session.add(self)
        if commit:
            DB.session.commit()

    @classmethod
    def get_by_id(cls, id_: int) -> Self | None:
        """The one with this id, as the database has it now; None when there is none."""
        return DB.session.scalar(sa.select(cls).where(sa.column("id") == id_))

    @classmethod
    def delete(cls, id_: int, commit: bool = False) -> None:
        """Delete the one with this id, and all that belongs to it."""
        for each in DB.session.scalars(sa.select(cls).where(sa.column("id") == id_)):
            DB.session.delete(each)
        if commit:
            DB.session.commit()
