"""The noise a picture begins with, and the near noise of a variation."""

from dataclasses import dataclass

import torch
from diffusers.utils.torch_utils import randn_tensor

# Nearly parallel noises have no great circle between them worth the name; a straight line does as well.
_PARALLEL = 0.9995


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What noise to draw."""

    seed: int
    """Of the picture."""
    towards: int | None = None
    """Seed of the noise it is bent towards."""
    share: float = 0.0
    """How far: 0 not at all, 1 all the way."""

    def generator(self) -> torch.Generator:
        """Whence the picture's noise comes, this and all later one.

        On the CPU whatever the device, so that a seed gives the same picture everywhere.
        """
        return torch.Generator("cpu").manual_seed(self.seed)

    def draw(
        self, shape: tuple[int, ...], generator: torch.Generator, *, device: torch.device, dtype: torch.dtype
    ) -> torch.Tensor:
        """The first noise."""
        noise: torch.Tensor = randn_tensor(shape, generator=generator, device=device, dtype=dtype)
        if self.towards is None or not self.share:
            return noise
        other = torch.Generator("cpu").manual_seed(self.towards)
        return between(noise, randn_tensor(shape, generator=other, device=device, dtype=dtype), self.share)


def between(one: torch.Tensor, other: torch.Tensor, share: float) -> torch.Tensor:
    """The noise at `share` of the way on the great circle (Shoemake 1985, "Animating Rotation with Quaternion Curves").

    On a straight line the noise in the middle would be too weak, and the picture flat.
    """
    first, second = one.double(), other.double()
    cosine = torch.sum(first / first.norm() * (second / second.norm())).clamp(-1, 1)
    if abs(float(cosine)) > _PARALLEL:
        return torch.lerp(first, second, share).to(one)
    angle = torch.arccos(cosine)
    mixed = torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * second
    return (mixed / torch.sin(angle)).to(one)
