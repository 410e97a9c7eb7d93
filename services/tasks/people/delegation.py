"""How far a service reaches that acts in a person's name: to the tasks of the reference it was lent the right for."""

from services.foundation.errors import NotAllowed
from services.foundation.identity import Caller


def reference_of(caller: Caller) -> str:
    """What the caller was lent the right for; empty for a person, who reaches all of theirs.

    Raises NotAllowed for somebody who acts for a person and says not what for.
    """
    if caller.actor and not caller.reference:
        raise NotAllowed
    return caller.reference if caller.actor else ""


def check_request(request_id: str, reference: str) -> None:
    """Raise NotAllowed unless a task of this request_id is what the reference stands for, or a part of that."""
    if reference and request_id != reference and not request_id.startswith(f"{reference}:"):
        raise NotAllowed("In this person's name only the plugin's own task may be submitted.")
