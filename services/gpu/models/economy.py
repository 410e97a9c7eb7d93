"""Set a checkpoint's parts up for the device and for little memory: what the settings and `memory` ask for."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import torch
from diffusers.models import attention_processor

from services.gpu.checkpoints.checkpoint import Checkpoint
from services.gpu.engine.model import Model
from services.gpu.models import memory
from services.gpu.models.memory import Economies
from services.gpu.requests import Plan

# The library does not type what is called here.
_fused: Final[Any] = attention_processor.AttnProcessor2_0
CONTEXT: Final = 500_000_000
"""What a process takes on an accelerator beside its tensors, for kernels and the libraries' own: an allowance."""


def apply(parts: Checkpoint, economies: Economies) -> None:
    """Switch the economies on and those that are not asked for off; `half` was decided when the parts were loaded."""
    if economies.sliced_attention:
        parts.unet.set_attention_slice("max")
    else:
        parts.unet.set_attn_processor(_fused())
    vae = parts.vae
    (vae.enable_slicing if economies.sliced_vae else vae.disable_slicing)()
    if not economies.tiled_vae:
        vae.disable_tiling()
        return
    vae.enable_tiling()
    side = memory.tile_side(parts.native_size)
    vae.tile_sample_min_size = side
    vae.tile_latent_min_size = side // parts.latent_pixels


def compile_parts(parts: Checkpoint) -> None:
    """Have the denoiser compiled at its first forward of each shape, which takes a minute or so each time."""
    parts.unet.compile()


class Gauge(Protocol):
    """Tells how much memory was in use at most."""

    def reset(self) -> None:
        """Begin anew."""

    def most(self) -> int:
        """Bytes at most since then, all that the process takes."""


class CudaGauge:
    """Reads what PyTorch keeps of an NVIDIA card."""

    def __init__(self, device: torch.device) -> None:
        """Of this one."""
        self._device = device

    def reset(self) -> None:
        """Begin anew, with nothing kept for later."""
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._device)

    def most(self) -> int:
        """Bytes at most since then."""
        torch.cuda.synchronize(self._device)
        # What was reserved, not what was used: the gaps between tensors are nobody else's either.
        return torch.cuda.max_memory_reserved(self._device) + CONTEXT


class Measuring:
    """A meter that draws and reads a gauge; fills `memory.Meter`."""

    def __init__(
        self,
        model: Model[Any, Any],
        parts: Checkpoint,
        *,
        gauge: Gauge,
        plan: Callable[[int, int], Plan],
        decoded: int,
    ) -> None:
        """`plan` makes a plan for a size; `decoded` images are decoded at once at most."""
        self._model, self._parts, self._gauge, self._plan, self._decoded = model, parts, gauge, plan, decoded

    def step(self, economies: Economies, *, width: int, height: int, rows: int) -> int:
        """Measured."""
        apply(self._parts, economies)
        trajectory = self._begun(width, height)
        return self._most(lambda: self._model.step([trajectory], rows=rows))

    def decode(self, economies: Economies, *, width: int, height: int) -> int:
        """Measured."""
        apply(self._parts, economies)
        begun = [self._begun(width, height) for _ in range(self._decoded)]
        return self._most(lambda: self._model.decode(begun))

    def _begun(self, width: int, height: int) -> Any:
        plan = self._plan(width, height)
        return self._model.begin(plan, self._model.encode(plan), 0)

    def _most(self, work: Callable[[], object]) -> int:
        self._gauge.reset()
        work()
        return self._gauge.most()


def room(device: torch.device) -> int | None:
    """Bytes that this process can have on the device; None on a CPU, where that is for the operator to say."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free) + torch.cuda.memory_reserved(device) + CONTEXT
