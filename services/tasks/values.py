"""What the ledger speaks of: tasks, images, progress. Frozen values, without a database and without a wire."""

import datetime as dt
import enum
from dataclasses import dataclass, field

from services.tasks.asking.ingredients import Parameters
from services.tasks.states import State

NO_SEED = -1
"""An image's seed where nothing was drawn; 0 is a seed like any other."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A finished image, as the ledger keeps it."""

    image_id: str
    """Opaque id."""
    index: int
    """Which of the task's images, from 0."""
    path: str
    """Its file, relative to the images folder."""
    seed: int
    """Its real seed; NO_SEED for one that was imported."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    bytes: int
    """File size."""
    sha256: str
    """Of the file, in lower-case hexadecimal."""
    created: dt.datetime
    """When it was stored."""
    content_type: str = "image/png"
    """What the file is; image/webp for a thumbnail."""
    published: bool = False
    """Its owner has put it into the gallery."""
    hidden: bool = False
    """It is published, and staff have hidden it."""


class Size(enum.StrEnum):
    """A size an image can be had in. The values are what its files are named by."""

    ORIGINAL = "original"
    """The PNG as it was drawn."""
    SMALL = "small"
    """A WebP for a card."""
    MEDIUM = "medium"
    """A WebP for a small screen."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A picture somebody brought, as it is kept."""

    upload_id: str
    """Opaque id."""
    user_id: str
    """Whose."""
    path: str
    """Its file, relative to the images' place."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    bytes: int
    """File size."""
    sha256: str
    """Of the file, in lower-case hexadecimal."""
    created: dt.datetime
    """When it came."""
    used: dt.datetime
    """When a task last asked for it, or when it came."""


class Blame(enum.StrEnum):
    """What kind of failure ended a task; decides the status code its error carries."""

    REQUEST = "request"
    """The worker refused what was asked for."""
    WORKER = "worker"
    """Workers were lost, again and again, or none has the model any more."""
    OURS = "ours"
    """Something broke."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a task failed."""

    blame: Blame
    """What kind of failure."""
    reason: str
    """The word that programs switch on."""
    message: str
    """A sentence for people."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One generation as the ledger has it stored."""

    task_id: str
    """Opaque id; also the id of its hold with auth."""
    user_id: str
    """Whose it is."""
    session_id: str
    """The session it was made in; empty when an API key made it."""
    digest: str
    """SHA-256 of what was asked for, to tell a repeat from a reuse of its request_id."""
    revision: int
    """The owner's counter when this task last changed."""
    state: State
    """Where it stands."""
    parameters: Parameters
    """What to draw."""
    price: int
    """Tokens held for it."""
    charged: int = 0
    """Tokens kept for the images delivered; final once it ended."""
    place: int
    """Its order in the queue: the lower, the sooner. Kept when it is queued again, which puts it at the head."""
    worker: str = ""
    """The worker it is on; empty unless it runs."""
    attempt: int = 0
    """Which claim this is; with the lease's owner it decides who may write."""
    lost: int = 0
    """Attempts that ended with a lost worker or dispatcher."""
    cancel_requested: bool = False
    """Its owner wants it stopped; who runs it must see to that."""
    step: int = 0
    """Denoising steps done over all images, as last stored."""
    steps_total: int = 0
    """Denoising steps to do over all images; 0 until a worker said so."""
    images: tuple[Image, ...] = ()
    """Images there so far, by index."""
    deleted: frozenset[int] = frozenset()
    """Indexes of images that were delivered and that its owner has deleted since."""
    failure: Failure | None = None
    """Why it failed."""
    created: dt.datetime
    """When it was asked for."""
    started: dt.datetime | None = None
    """When a worker first took it."""
    finished: dt.datetime | None = None
    """When it ended."""
    duration_ms: int | None = None
    """From start to end."""
    settled: dt.datetime | None = None
    """When its hold was settled with auth; an imported one has none."""
    imported_from: str = ""
    """What made its picture; empty for what was drawn here. Its prompt is a title, and only its size means anything."""
    reference: str = ""
    """The plugin's task in whose delegation it was submitted; empty for its owner's own."""


@dataclass(frozen=True, kw_only=True)
class InLine:
    """A task that waits or runs, as far as the queue is concerned."""

    task_id: str
    """The task."""
    state: State
    """QUEUED or RUNNING."""
    place: int
    """Its order: the lower, the sooner."""
    attempt: int
    """Which claim."""
    model: str
    """A model's name."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    guidance: float
    """Guidance scale."""
    samples: int
    """Images to make."""
    steps_run: int
    """Steps an image that are really gone."""
    step: int
    """Denoising steps done over all images, as last stored."""
    steps_total: int
    """Denoising steps to do over all images; 0 until a worker said so."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What changed for an owner since a revision."""

    revision: int
    """The owner's counter: everything up to it is in `tasks` or was seen before."""
    tasks: tuple[Task, ...]
    """In the order of their changes."""
    more: bool
    """Whether there is more after `revision` already."""


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """A hold that auth must be told the end of."""

    hold_id: str
    """The task's id."""
    user_id: str
    """Whose tokens."""
    charge: int
    """Tokens to keep; the rest goes back."""
    reason: str
    """In words, for auth's ledger."""
    attempts: int
    """How often it was taken from the outbox, this time included."""


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to write a running task: stale as soon as either part differs from what is stored."""

    task_id: str
    """The task."""
    owner: str
    """The dispatcher that claimed it."""
    attempt: int
    """Which claim."""


@dataclass(frozen=True, kw_only=True)
class NewTask:
    """A submission that passed every check and has a price."""

    task_id: str
    """The id it will have."""
    user_id: str
    """Whose it is."""
    session_id: str
    """The session it is made in; may be empty."""
    request_id: str
    """The owner's key that makes the submission idempotent."""
    digest: str
    """SHA-256 of what was asked for."""
    parameters: Parameters
    """What to draw."""
    price: int
    """Tokens to hold."""
    from_studio: bool = False
    """The studio page submits it, so it may be cancelled when its owner leaves."""
    imported_from: str = ""
    """What made the picture that it is to hold; empty for what is to be drawn."""
    reference: str = ""
    """The plugin's task in whose delegation it is submitted; empty for its owner's own."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """A step of what follows when somebody left the studio."""

    session_id: str
    """The session they left."""
    task: Task | None
    """One of its tasks, now cancelled or to be; None when there was none left and the session is done with."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a task is, for the moment."""

    position: int = 0
    """While it waits: place in line, from 1."""
    ahead: int = 0
    """While it waits: tasks ahead, running ones included."""
    start_ms: int | None = None
    """Until it starts; None when unknown."""
    step: int = 0
    """Denoising steps done, over all images."""
    steps: int = 0
    """Denoising steps to do, over all images."""
    remaining_ms: int | None = None
    """Until it ends; None when unknown."""
    preview: bytes = field(default=b"", repr=False)
    """A rough look at the image that is forming; empty when there is none, or none that is new."""
    preview_content_type: str = ""
    """image/webp or image/png."""

    @property
    def percent(self) -> int:
        """0 to 100, rounded down."""
        return min(100, 100 * self.step // self.steps) if self.steps else 0


@dataclass(frozen=True, kw_only=True)
class View:
    """A task as its owner sees it now: what is stored, and how far it is."""

    task: Task
    """What is stored."""
    progress: Progress | None
    """None once it ended."""
