"""What the worker refuses or fails with, below the foundation's errors.

DaydreamError
├── NotFound
│   └── ModelNotFound      the request names a model that is not here
├── TooMuch
│   └── WorkerFull         every slot and waiting place is taken
├── Unavailable
│   ├── WorkerLoading      the model is not in memory yet
│   ├── WorkerDraining     the worker is about to stop
│   ├── DeadlinePassed     the caller's time is up
│   ├── ModelAway          a model that is not in memory cannot be loaded
│   └── DeviceLost         the accelerator failed; the process ends
└── Unexpected
    └── GenerationFailed   this request alone failed
        ├── NotFinite      the sampler left the numbers
        ├── OutOfMemory    the device has no room for this size
        └── AdapterUnusable  a LoRA does not fit the model

Beside them stands ModelUnusable, which is said at start and never to a caller.
"""

from services.foundation import errors


class ModelNotFound(errors.NotFound):
    """This worker has no model of that name."""

    reason = "MODEL_NOT_FOUND"


class WorkerFull(errors.TooMuch):
    """Every slot of this worker is taken; try again in a moment."""

    reason = "WORKER_FULL"


class WorkerLoading(errors.Unavailable):
    """The worker is loading its model; try again in a moment."""

    reason = "WORKER_LOADING"


class WorkerDraining(errors.Unavailable):
    """The worker is about to stop; try another one."""

    reason = "WORKER_DRAINING"


class DeviceLost(errors.Unavailable):
    """The worker's accelerator failed; try again in a moment."""

    reason = "DEVICE_LOST"


class DeadlinePassed(errors.Unavailable):
    """It took too long; try again."""

    reason = "DEADLINE_EXCEEDED"


class ModelAway(errors.Unavailable):
    """The worker cannot load this model; try another one."""

    reason = "MODEL_AWAY"


class GenerationFailed(errors.Unexpected):
    """The picture could not be drawn."""

    reason = "GENERATION_FAILED"


class NotFinite(GenerationFailed):
    """The sampler ran into values that are not numbers; another sampler, guidance or seed may help."""


class OutOfMemory(GenerationFailed):
    """The worker has not enough memory for a picture of this size."""


class AdapterUnusable(GenerationFailed):
    """An adapter that was asked for does not fit this model."""

    reason = "ADAPTER_UNUSABLE"


class ModelUnusable(Exception):
    """The model cannot be used; the message is one sentence that says why."""


def first_line(error: Exception) -> str:
    """What another library's error says first, to end a sentence of ours with."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
