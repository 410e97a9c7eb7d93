"""What the engine needs of a model: a port. The engine knows this and nothing of torch; `pipeline` fills it."""

from typing import Generic, Protocol, TypeVar

from services.gpu.card import Card
from services.gpu.requests import Plan


class Trajectory(Protocol):
    """One image on its way from noise to picture."""

    @property
    def calls(self) -> int:
        """How often the denoiser is called for it in all."""

    @property
    def done(self) -> int:
        """How often it was called so far."""


T = TypeVar("T", bound=Trajectory)
C = TypeVar("C")


class Model(Protocol, Generic[C, T]):
    """A checkpoint in memory. Its methods are called from one thread only, the one that loaded it.

    Any method may raise: errors.DeviceLost when the accelerator is gone, anything else when this request alone failed.
    """

    @property
    def card(self) -> Card:
        """What it is called, its defaults, limits and samplers."""

    @property
    def device(self) -> str:
        """Where it runs: `cpu`, `cuda:0`."""

    def encode(self, plan: Plan) -> C:
        """Turn the plan's prompts into what conditions its images, once a request."""

    def begin(self, plan: Plan, conditioning: C, sample: int) -> T:
        """Draw the noise of image `sample`, from seed + sample."""

    def step(self, trajectory: T) -> None:
        """Call the denoiser once and go one step; returns when the device has done it."""

    def preview(self, trajectory: T) -> bytes:
        """A rough look at what the last step leads to, as WebP."""

    def finish(self, trajectory: T) -> bytes:
        """Decode the image of a trajectory that is done, as PNG."""
