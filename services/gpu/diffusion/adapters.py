"""LoRAs on a model's denoiser and text encoder: exactly those a forward asks for, and nothing otherwise.

Low-rank additions to single layers (Hu et al. 2021, "LoRA"). Reading the files and placing the layers is diffusers' and
peft's own work; the weights of the model itself are never touched, so that with none in use every layer computes what
it did before any was loaded, bit for bit.
"""

import contextlib
import logging
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
import transformers.utils.logging
from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin
from peft.tuners.tuners_utils import BaseTunerLayer

from services.foundation import logs
from services.gpu import errors
from services.gpu.checkpoints import adapter_files
from services.gpu.requests import Adapter

HELD: Final = 8
"""LoRAs in memory for a model; of more, the one that was not used for longest leaves."""
# The library does not type what is called here.
_loader: Final[Any] = StableDiffusionLoraLoaderMixin

log = logs.logger(__name__)


class Adapters:
    """The LoRAs of one model; to be called in the thread that draws."""

    def __init__(
        self, *, files: Mapping[str, Path], unet: Any, text_encoder: Any, held: int = HELD, room: int | None = None
    ) -> None:
        """`files` is what there is, by name.

        `held` of them are kept in memory and `room` bytes, but never fewer than one request names.
        """
        self._files, self._parts = files, (unet, text_encoder)
        self._held, self._room = held, room
        # What each is called inside the libraries: names may hold dots, which they cannot take.
        self._loaded: OrderedDict[str, str] = OrderedDict()
        self._used: tuple[Adapter, ...] = ()
        self._count = 0

    def use(self, adapters: tuple[Adapter, ...]) -> None:
        """From here on compute with exactly these. Raises AdapterUnusable, and then computes with none."""
        if adapters == self._used:
            return
        self._set({})
        self._used = ()
        wanted = tuple(adapter for adapter in adapters if adapter.weight)
        for adapter in wanted:
            self._hold(adapter.name, keep={each.name for each in wanted})
        self._set({self._loaded[adapter.name]: adapter.weight for adapter in wanted})
        self._used = adapters

    def _hold(self, name: str, *, keep: set[str]) -> None:
        if name in self._loaded:
            self._loaded.move_to_end(name)
            return
        if name not in self._files:
            raise errors.AdapterUnusable(f"There is no adapter {name!r} for this model.")
        for old in [each for each in self._loaded if each not in keep]:
            if self._fits(name):
                break
            self._drop(self._loaded.pop(old))
        self._count += 1
        inner = f"adapter_{self._count}"
        try:
            self._load(self._files[name], inner)
        except Exception as error:
            self._drop(inner)
            if isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError):
                raise
            log.warning("adapter unusable", adapter=name, error=errors.first_line(error))
            raise errors.AdapterUnusable(f"The adapter {name!r} does not fit this model.") from error
        self._loaded[name] = inner

    def _fits(self, name: str) -> bool:
        after = [*self._loaded, name]
        taken = sum(self._files[each].stat().st_size for each in after)
        return len(after) <= self._held and (self._room is None or taken <= self._room)

    def _load(self, file: Path, inner: str) -> None:
        unet, text_encoder = self._parts
        adapter_files.width(file)
        weights, alphas = _loader.lora_state_dict(str(file), use_safetensors=True, unet_config=unet.config)
        before = [_tensors(part) for part in self._parts]
        with _quiet():
            if any(name.startswith("unet.") for name in weights):
                _loader.load_lora_into_unet(weights, alphas, unet, adapter_name=inner)
            if any(name.startswith("text_encoder.") for name in weights):
                _loader.load_lora_into_text_encoder(weights, alphas, text_encoder, adapter_name=inner)
        after = [_tensors(part) for part in self._parts]
        taken = sum(len(new) - len(old) for new, old in zip(after, before, strict=True))
        if taken != sum(1 for name in weights if "lora" in name):
            # What found no place would be left out without a word, and the picture would be another's.
            raise errors.AdapterUnusable(f"{file} changes layers that this model has not.")
        for part in self._parts:
            part.requires_grad_(False)
            part.eval()
            for module in _layers(part):
                # The files are in other precisions than the model, as often as not.
                module.to(device=part.device, dtype=part.dtype)

    def _drop(self, inner: str) -> None:
        self._set({})
        for part in self._parts:
            if inner not in getattr(part, "peft_config", {}):
                continue
            for module in _layers(part):
                module.delete_adapter(inner)
            part.peft_config.pop(inner)

    def _set(self, weights: Mapping[str, float]) -> None:
        for part in self._parts:
            for module in _layers(part):
                here = [inner for inner in weights if inner in module.scaling]
                module.enable_adapters(bool(here))
                module.set_adapter(here, inference_mode=True)
                for inner in here:
                    module.set_scale(inner, weights[inner])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # They warn of a second adapter, which is what we want, and report the first one as missing from the second's file.
    loudness = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        transformers.utils.logging.set_verbosity(loudness)


def _layers(part: Any) -> list[Any]:
    return [module for module in part.modules() if isinstance(module, BaseTunerLayer)]


def _tensors(part: Any) -> set[str]:
    return {name for name in part.state_dict() if "lora_" in name}
