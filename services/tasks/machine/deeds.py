"""What staff did to tasks and pictures: written with the deed, in its transaction, and never changed.

It names people by their ids alone, and once an account is deleted not even by that.
"""

import datetime as dt
import enum
from dataclasses import dataclass
from typing import Final

from services.foundation.errors import FieldViolation, InvalidInput

MAX_REASON_CHARS: Final = 200


class DeedKind(enum.StrEnum):
    """What somebody of the staff did. The values are what the database holds."""

    TASK_CANCELLED = "task_cancelled"
    PICTURE_HIDDEN = "picture_hidden"
    PICTURE_RESTORED = "picture_restored"


@dataclass(frozen=True, kw_only=True)
class Deed:
    """A line of the log."""

    deed_id: str
    """Opaque id."""
    kind: DeedKind
    """What."""
    staff_id: str
    """Who; empty once that account is deleted."""
    user_id: str
    """Whose task or picture; empty for a picture that was found, and once that account is deleted."""
    task_id: str
    """The task; empty for a picture."""
    gallery_id: str
    """The picture's entry in the gallery; empty for a task."""
    detail: str
    """The reason that was given."""
    created: dt.datetime
    """When."""


def check_reason(reason: str) -> None:
    """Raise InvalidInput unless somebody who reads the log later learns why."""
    if not reason.strip() or len(reason) > MAX_REASON_CHARS or not reason.isprintable():
        wrong = f"Say why, in 1 to {MAX_REASON_CHARS} characters on one line."
        raise InvalidInput.of(FieldViolation(field="reason", description=wrong))
