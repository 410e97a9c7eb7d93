"""What an id may look like. What cannot be one is nobody's, and no database, which might choke on it, is asked."""

import re
from collections.abc import Collection
from typing import Final

from services.foundation.errors import FieldViolation, InvalidInput

MOST_AT_ONCE: Final = 100
"""Ids in one question."""

_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,42}")


def possible(value: str) -> bool:
    """Whether something may have this id."""
    return _ID.fullmatch(value) is not None


def check_tasks(task_ids: Collection[str]) -> None:
    """Raise InvalidInput for more ids than are asked about at once, or for what cannot be one."""
    if len(task_ids) > MOST_AT_ONCE or not all(map(possible, task_ids)):
        raise InvalidInput.of(
            FieldViolation(field="task_ids", description=f"task_ids are at most {MOST_AT_ONCE} ids that tasks have.")
        )


def check_session(session_id: str) -> None:
    """Raise InvalidInput for what cannot be a session's id; an empty one stands for every session."""
    if session_id and not possible(session_id):
        raise InvalidInput.of(
            FieldViolation(field="session_id", description="session_id is not one that a session has.")
        )
