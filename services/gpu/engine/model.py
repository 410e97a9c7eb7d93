"""What the engine needs of models: two ports. The engine knows these and nothing of torch.

`diffusion.pipeline` fills the one, `models.collection` the other.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from services.gpu.card import Card, Memory
from services.gpu.engine.budget import Budget
from services.gpu.images import Pixels
from services.gpu.requests import NO_PICTURES, Pictures, Plan


class Trajectory(Protocol):
    """One image on its way from noise to picture."""

    @property
    def calls(self) -> int:
        """How often the denoiser is called for it in all."""

    @property
    def done(self) -> int:
        """How often it was called so far."""

    @property
    def rows(self) -> int:
        """Rows it takes of each forward: two with guidance, else one."""

    @property
    def nbytes(self) -> int:
        """Memory it holds, about."""


T = TypeVar("T", bound=Trajectory)
C = TypeVar("C")


class Model(Protocol, Generic[C, T]):
    """A checkpoint in memory. Its methods are called from one thread only, the one that loaded it.

    Any method may raise: errors.DeviceLost when the accelerator is gone, errors.OutOfMemory when it is full, anything
    else when these requests failed.
    """

    @property
    def card(self) -> Card:
        """What it is called, its defaults, limits and samplers."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu`, `cuda:0`."""

    @property
    def budget(self) -> Budget:
        """How many rows pay in one forward, as the warm-up measured it."""

    def encode(self, plan: Plan, pictures: Pictures = NO_PICTURES) -> C:
        """Turn the plan's prompts and pictures into what conditions its images, once a request."""

    def begin(self, plan: Plan, conditioning: C, sample: int) -> T:
        """Draw the noise of image `sample`, from seed + sample."""

    def bucket(self, trajectory: T) -> Hashable:
        """Trajectories with equal buckets may share a forward."""

    def step(self, trajectories: Sequence[T], *, rows: int | None = None) -> Sequence[Exception | None]:
        """One forward over the rows of all, then each goes one step of its own; returns when the device has done it.

        The trajectories are of one bucket. `rows` is what the forward is filled up to. An entry of the answer is what
        that trajectory alone failed with; it is of no use afterwards. When this raises, none has gone a step, and it
        may be tried again with fewer.
        """

    def preview(self, trajectory: T) -> Pixels:
        """A rough look at what the last step leads to, smaller than the image will be."""

    def decode(self, trajectories: Sequence[T]) -> Sequence[Pixels | Exception]:
        """The images of trajectories of one bucket that are done, or what one alone failed with."""


class Library(Protocol):
    """The models a worker can draw with."""

    def cards(self) -> Sequence[Card]:
        """What callers know of each; the first is the default. Called from any thread."""

    def memory(self) -> Memory:
        """What the device's memory holds now. Called from any thread, and quick."""

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener`, in any thread, when a model that was asked for may be there."""

    def get(self, name: str) -> Model[Any, Any]:
        """The model, however long it takes to load. Raises what `ask` raises."""

    def ask(self, name: str) -> Model[Any, Any] | None:
        """The model; None while it is loaded, for which the least recently used unpinned one may leave.

        Called in the engine's thread, as are the two below. Raises ModelNotFound, ModelUnusable, OutOfMemory and
        DeviceLost.
        """

    def pin(self, name: str) -> None:
        """Keep the model in memory until it is unpinned as often as it was pinned."""

    def unpin(self, name: str) -> None:
        """The model may leave."""
