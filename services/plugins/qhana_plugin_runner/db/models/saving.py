"""How plugins save, find and delete what is kept: the same four words for every table."""

from typing import Any, Final, Self

import sqlalchemy as sa
from qhana_plugin_runner.db.db import DB
from sqlalchemy.orm import MappedAsDataclass

_MOST_DIGITS: Final = 18


def row_number(given: Any) -> int | None:
    """The number of a row. Plugins whose URLs take it as text hand the text on; None for what is no number."""
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    text = str(given)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


class Saved(MappedAsDataclass, eq=False, repr=False):
    """For tables with a column `id`."""

    def save(self, commit: bool = False) -> None:
        """Add it to the session; `commit` writes everything that the session holds."""
        DB.session.add(self)
        if commit:
            DB.session.commit()

    @classmethod
    def get_by_id(cls, id_: int | str) -> Self | None:
        """The one with this id, as the database has it now; None when there is none."""
        return DB.session.scalar(sa.select(cls).where(sa.column("id") == row_number(id_)))

    @classmethod
    def delete(cls, id_: int | str, commit: bool = False) -> None:
        """Delete the one with this id, and all that belongs to it."""
        for each in DB.session.scalars(sa.select(cls).where(sa.column("id") == row_number(id_))):
            DB.session.delete(each)
        if commit:
            DB.session.commit()
