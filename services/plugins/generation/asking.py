"""The plugin's side: pictures are asked for in the request of whoever wants them, and nothing is waited for.

What is written here is one transaction with the processing task. From its commit on the pictures are drawn and put out,
and the processing task ends, whatever becomes of this process.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final, NoReturn

import sqlalchemy as sa
from daydream.tasks.v1 import tasks_pb2
from flask import current_app
from qhana_plugin_runner.api.refusals import refuse
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import tell_change

from services.foundation import errors
from services.foundation.identity import Caller
from services.plugins.bridge import Bridge
from services.plugins.generation.models import Drawing, DrawingPart, Stage
from services.plugins.generation.ports import Grants
from services.plugins.identity import callers

EXTENSION: Final = "daydream-generation"
MOST_PICTURES: Final = 64
"""Tasks of the ledger for one processing task."""
NOT_SIGNED_IN: Final = "Sign in to Daydream first: pictures are drawn, and paid for, in somebody's name."
NOT_IN_PERSON: Final = "A plugin's own call cannot have pictures drawn: a person has to ask for them."
NOT_CONNECTED: Final = "Pictures cannot be drawn here: this host works alone, without a studio."


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What to draw: one task of the ledger. What is None, or empty, takes the model's default."""

    prompt: str
    """1 to 512 characters."""
    negative_prompt: str = ""
    """What to keep out."""
    model: str = ""
    """A model's name."""
    sampler: str = ""
    """A sampler's name."""
    steps: int | None = None
    """Denoising steps."""
    guidance: float | None = None
    """Guidance scale."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    seed: int | None = None
    """0 to 2^53 − 1, or −1 to draw one."""
    samples: int | None = None
    """Images to make, 1 to 10; image n uses seed + n."""
    strength: float | None = None
    """How much of the start image is drawn anew, above 0 to 1."""


class Easel:
    """What the serving process lends to plugins' views; `app.extensions["daydream-generation"]`."""

    def __init__(
        self,
        *,
        bridge: Bridge,
        grants: Grants,
        capabilities: Callable[[], tasks_pb2.GetCapabilitiesResponse | None],
        wake: Callable[[], None],
    ) -> None:
        """`capabilities` asks for what the workers can do; `wake` has new drawings looked for."""
        self._bridge, self._grants = bridge, grants
        self.capabilities, self.wake = capabilities, wake

    def delegation(self, caller: Caller, task: ProcessingTask) -> str:
        """auth's id of the right to draw in the caller's name. Ends the request where there is none."""
        try:
            return self._bridge.call(self._grants.create_delegation(caller.token, task.public_id))
        except errors.DaydreamError as error:
            _refuse(error)


def require_painter() -> None:
    """End the request where nothing could be drawn for whoever makes it: 503 without a studio, 401 without a name.

    `draw` does so too; for a plugin that asks people for more before it comes to that.
    """
    _caller_and_easel()


def draw(
    task: ProcessingTask, pictures: Sequence[Picture], *, start_image: str | None = None, listed: bool = False
) -> None:
    """Have these pictures drawn for the person who asks, and put out as the results of `task`, which then ends.

    To be called in a request, with a new task, or with one whose open step has got its input; it is saved with all that
    the session holds. `start_image` is the URL of a picture to begin from, read by a worker under the URL rules;
    `listed` puts out a file of entities as well, with prompt, seed and file of each picture. Ends the request with 401
    where nobody is signed in, 403 where they may not generate or no person asks, 409 where the task has its pictures,
    503 where no studio answers. Raises ValueError for no pictures, more than 64, or one with values of other types than
    Picture says, or that no message holds.
    """
    if not 0 < len(pictures) <= MOST_PICTURES:
        raise ValueError(f"a task draws 1 to {MOST_PICTURES} pictures, not {len(pictures)}")
    parameters = [_parameters(each) for each in pictures]
    caller, easel = _caller_and_easel()
    # Asked for before anything is written: no lock is held while auth answers.
    delegation = easel.delegation(caller, task)
    awaited = task.has_uncleared_step
    try:
        _write(task, parameters, owner=caller.subject, delegation=delegation, start_image=start_image, listed=listed)
    except sa.exc.IntegrityError:
        DB.session.rollback()
        refuse(HTTPStatus.CONFLICT, message="This task has its pictures drawn already.")
    easel.wake()
    if awaited:
        tell_change(task.id, "steps", "details")


def capabilities() -> tasks_pb2.GetCapabilitiesResponse | None:
    """What the workers can do, for choices in a form; None where that cannot be had now."""
    easel = _easel()
    return None if easel is None else easel.capabilities()


def _easel() -> Easel | None:
    found: Easel | None = current_app.extensions.get(EXTENSION)
    return found


def _caller_and_easel() -> tuple[Caller, Easel]:
    easel = _easel()
    if easel is None:
        refuse(HTTPStatus.SERVICE_UNAVAILABLE, message=NOT_CONNECTED)
    caller = callers.current()
    if caller is None:
        refuse(HTTPStatus.UNAUTHORIZED, message=NOT_SIGNED_IN)
    if not caller.token:
        refuse(HTTPStatus.FORBIDDEN, message=NOT_IN_PERSON)
    return caller, easel


def _write(
    task: ProcessingTask,
    parameters: Sequence[dict[str, Any]],
    *,
    owner: str,
    delegation: str,
    start_image: str | None,
    listed: bool,
) -> None:
    task.owner = task.owner or owner
    task.clear_previous_step()
    task.save()
    DB.session.flush()
    DB.session.add(
        Drawing(
            task_id=task.id,
            reference=task.public_id,
            owner=owner,
            delegation=delegation,
            stage=Stage.DRAWING if start_image is None else Stage.FETCHING,
            start_url=start_image,
            listed=listed,
        )
    )
    # Nothing tells SQLAlchemy which of the two tables comes first.
    DB.session.flush()
    for number, each in enumerate(parameters):
        DB.session.add(DrawingPart(task_id=task.id, number=number, parameters=each))
    DB.session.commit()


def _parameters(picture: Picture) -> dict[str, Any]:
    given = {name: value for name, value in asdict(picture).items() if value not in (None, "")}
    try:
        # As the database keeps them, and as the ledger is told: what neither can hold is the plugin's to hear of now.
        tasks_pb2.Parameters(**json.loads(json.dumps(given, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise ValueError("a picture has a value that the studio has no way to take") from error
    return given


def _refuse(error: errors.DaydreamError) -> NoReturn:
    if isinstance(error, errors.NotAuthenticated):
        refuse(HTTPStatus.UNAUTHORIZED, message=NOT_SIGNED_IN)
    if isinstance(error, errors.NotAllowed):
        refuse(HTTPStatus.FORBIDDEN, message=error.message)
    if isinstance(error, errors.NotPossibleNow):
        refuse(HTTPStatus.CONFLICT, message=error.message)
    refuse(HTTPStatus.SERVICE_UNAVAILABLE, message=error.message)
