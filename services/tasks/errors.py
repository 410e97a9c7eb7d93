"""What the ledger refuses on purpose, below the kinds of `foundation.errors`; and what a worker can do to a task.

InvalidInput ─┬ PictureRefused    an upload that is no picture, or none that can be used
              └ UploadStalled     its sender fell silent
NotFound ─────┬ TaskNotFound      missing, or somebody else's
              ├ ImageNotFound
              ├ GalleryImageNotFound
              ├ UploadNotFound
              └ LinkNotFound      never was, has ended, or its image is gone
NotAllowed ───── AccountClosed    suspended or deleted, while its identity token was still good
NotAuthenticated ┬ TokenExpired   a stream is open for longer than its caller's token is believed
                 └ SessionEnded   its caller's session is over, or their account gone
Unexpected ───── ImageDamaged     its file is not what was stored
NotPossibleNow ┬ NotEnoughTokens  auth refused the hold
               └ NoImages         there is nothing to pack
TooMuch ──────┬ QueueFull         the bound is reached
              ├ OwnQueueFull      the bound of one person is
              └ TooManyImports    theirs for pictures that were not drawn here is
Unavailable ──┬ NoWorker          none was ever seen
              └ AuthUnavailable   the purse does not answer

WorkerFault                       never reaches a caller: the dispatcher decides by it
├── WorkerBusy                    no slot free; nothing was begun
├── WorkerLeaving                 it drains; nothing is its fault
├── WorkerLost                    gone or silent; the attempt is spent if it had begun
└── GenerationFailed              the request itself failed, and would again

LeaseLost                         this attempt is no longer the one that may write
"""

from services.foundation import errors


class TaskNotFound(errors.NotFound):
    """There is no such task."""

    reason = "TASK_NOT_FOUND"


class ImageNotFound(errors.NotFound):
    """There is no such image."""

    reason = "IMAGE_NOT_FOUND"


class GalleryImageNotFound(errors.NotFound):
    """There is no such picture in the gallery."""

    reason = "GALLERY_IMAGE_NOT_FOUND"


class UploadNotFound(errors.NotFound):
    """There is no such upload; uploads are kept for a day after they were last used."""

    reason = "UPLOAD_NOT_FOUND"


class LinkNotFound(errors.NotFound):
    """This link leads nowhere; links to images end after a day."""

    reason = "LINK_NOT_FOUND"


class PictureRefused(errors.InvalidInput):
    """The picture cannot be used."""

    reason = "PICTURE_REFUSED"


class UploadStalled(errors.InvalidInput):
    """The upload stopped half-way; send it again."""

    reason = "UPLOAD_STALLED"


class ImageDamaged(errors.Unexpected):
    """The image's file is damaged."""

    reason = "IMAGE_DAMAGED"


class AccountClosed(errors.NotAllowed):
    """This account is suspended or was deleted, so it can draw nothing."""

    reason = "ACCOUNT_CLOSED"


class TokenExpired(errors.NotAuthenticated):
    """The identity token is over; open the stream again with a new one."""

    reason = "TOKEN_EXPIRED"


class SessionEnded(errors.NotAuthenticated):
    """The session is over."""

    reason = "SESSION_ENDED"


class NotEnoughTokens(errors.NotPossibleNow):
    """You have too few tokens for this."""

    reason = "NOT_ENOUGH_TOKENS"


class NoImages(errors.NotPossibleNow):
    """There are no images to put into an archive."""

    reason = "NO_IMAGES"


class QueueFull(errors.TooMuch):
    """The queue is full; try again in a moment."""

    reason = "QUEUE_FULL"


class OwnQueueFull(errors.TooMuch):
    """You have as many tasks waiting as one person may have."""

    reason = "OWN_QUEUE_FULL"


class TooManyImports(errors.TooMuch):
    """You have imported as much as one person may within an hour; more goes later."""

    reason = "TOO_MANY_IMPORTS"


class NoWorker(errors.Unavailable):
    """No worker has started yet, so nothing can be drawn; try again in a moment."""

    reason = "NO_WORKER"


class AuthUnavailable(errors.Unavailable):
    """Tokens cannot be held just now; try again in a moment."""

    reason = "AUTH_UNAVAILABLE"


class WorkerFault(Exception):
    """A worker did not finish a task."""


class WorkerBusy(WorkerFault):
    """The worker has no free slot."""

    def __init__(self, retry_after: float | None = None) -> None:
        """`retry_after` is what the worker suggested, in seconds."""
        self.retry_after = retry_after
        super().__init__(type(self).__doc__)


class WorkerLeaving(WorkerFault):
    """The worker drains and takes nothing more."""


class WorkerLost(WorkerFault):
    """The worker is gone, or has gone silent."""


class GenerationFailed(WorkerFault):
    """The worker could not draw this request, and would not the next time either."""

    def __init__(self, *, reason: str, message: str, invalid: bool = False) -> None:
        """`reason` and `message` are the worker's; `invalid` when it refused the request as such."""
        self.reason, self.message, self.invalid = reason, message, invalid
        super().__init__(message)


class LeaseLost(Exception):
    """Another attempt, or nobody, may write this task now."""
