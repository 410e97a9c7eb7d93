"""Which tasks a call may speak of; all the others are as good as missing."""

import sqlalchemy as sa

from services.tasks import models


def owned(user_id: str, reference: str) -> sa.ColumnElement[bool]:
    """The owner's tasks, and where somebody acts in the owner's name only those submitted for that reference."""
    of_theirs = models.Task.user_id == user_id
    return sa.and_(of_theirs, models.Task.reference == reference) if reference else of_theirs
