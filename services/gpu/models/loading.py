"""Models as the settings want them: found, told by their cards, loaded, fitted into memory and measured.

Importing this takes the seconds that torch takes; what can be said before that, `bootstrap` says.
"""

import contextlib
import dataclasses
import gc
import os
from collections.abc import Iterator, Sequence
from typing import Final

import torch

from services.foundation import errors as foundation_errors
from services.gpu import errors, limits
from services.gpu.card import Card, Memory
from services.gpu.checkpoints import adapter_files, anatomy, checkpoint
from services.gpu.checkpoints.anatomy import Anatomy
from services.gpu.checkpoints.checkpoint import Checkpoint
from services.gpu.checkpoints.sources import Source
from services.gpu.diffusion import adapters, pipeline
from services.gpu.diffusion.pipeline import StableDiffusion
from services.gpu.engine.drawing import DECODED_AT_ONCE
from services.gpu.models import economy, memory, occupancy, warmup
from services.gpu.models.collection import Library, Loaded, Size, Volume
from services.gpu.models.memory import Economies, Fit
from services.gpu.requests import Request
from services.gpu.settings import GpuSettings

_ADAPTERS_SHARE: Final = 0.1
"""Of the memory limit, at most, is kept for LoRAs: those that are used again and again need not be read each time."""


def collect(sources: Sequence[Source], settings: GpuSettings) -> Library:
    """The library of these checkpoints, none of them loaded. Raises ModelUnusable."""
    shelf = _Shelf(settings)
    volumes = [shelf.volume(source) for source in sources]
    return Library(volumes, limit=shelf.limit, release=shelf.release, gauge=shelf.gauge)


class _Shelf:
    """What the models have in common."""

    def __init__(self, settings: GpuSettings) -> None:
        self._settings = settings
        self._device = checkpoint.device_of(settings.device)
        self._on_cpu = self._device.type == "cpu"
        self._adapters = adapter_files.find(settings.adapters_dir)
        self.limit = settings.memory_limit or economy.room(self._device)
        self._threads = settings.threads
        self._rows = settings.reproducible_rows or memory.GUIDED_ROWS
        self._adapter_room = None if self.limit is None else int(self.limit * _ADAPTERS_SHARE)

    def volume(self, source: Source) -> Volume:
        """The checkpoint, with what is known of it before it is loaded."""
        with _one_sentence(source.name):
            what = anatomy.of(source)
            files = adapter_files.fitting(self._adapters, what.text_width)
            told = anatomy.card_of(source, what, on_cpu=self._on_cpu)
            card = dataclasses.replace(told, adapters=tuple(files))
            _check_defaults(card)
            fit = self._reckoned(what, card)
        return Volume(
            card=card if fit is None else dataclasses.replace(card, limits=fit.limits),
            size=self._size(what, fit, card),
            read=lambda: self._read(source, fit),
            finish=lambda parts: self._finish(parts, source, card, fit),
        )

    def gauge(self) -> Memory:
        """What the device's memory holds: all of an accelerator, of a CPU's what this process has."""
        if self._on_cpu:
            return occupancy.of_process(limit=self._settings.memory_limit)
        return occupancy.of_accelerator(self._device)

    def release(self) -> None:
        """Give back what a model that left held."""
        gc.collect()
        if not self._on_cpu:
            torch.cuda.empty_cache()

    def _reckoned(self, what: Anatomy, card: Card) -> Fit | None:
        if self.limit is None:
            return None
        each = checkpoint.dtype_of(self._settings.dtype, self._device).itemsize
        meter = memory.Reckoning(what, parameters=what.parameters, bytes_each=each, decoded=DECODED_AT_ONCE)
        try:
            limit = self.limit - self._for_adapters(card)
            return memory.fit(meter, card, limit=limit, allowed=self._allowed(each), rows=self._rows)
        except errors.ModelUnusable:
            if self._on_cpu:
                raise
            # An estimate turns nobody away where it can be measured.
            return None

    def _allowed(self, bytes_each: int) -> tuple[str, ...]:
        half = ("half",) if self._settings.dtype == "auto" and bytes_each > 2 else ()
        sliced = ("sliced_attention",) if self._settings.attention == "auto" and not self._on_cpu else ()
        return (*half, *sliced, "sliced_vae", "tiled_vae")

    def _size(self, what: Anatomy, fit: Fit | None, card: Card) -> Size:
        weights = what.parameters * checkpoint.dtype_of(self._dtype(fit), self._device).itemsize
        return self._taken(weights, fit, card)

    def _taken(self, weights: int, fit: Fit | None, card: Card) -> Size:
        work = 0 if fit is None else max(0, fit.peak - weights)
        return Size(weights=weights + self._for_adapters(card), work=work)

    def _for_adapters(self, card: Card) -> int:
        """Bytes that LoRAs of this model may take: no more than as many of them hold as are ever held."""
        if self._adapter_room is None:
            return 0
        sizes = sorted((self._adapters[name].stat().st_size for name in card.adapters), reverse=True)
        return min(self._adapter_room, sum(sizes[: adapters.HELD]))

    def _dtype(self, fit: Fit | None) -> str:
        # On a CPU the short kind with the long exponent: the other one is slow there, and runs over.
        return "bfloat16" if fit is not None and fit.economies.half else self._settings.dtype

    def _read(self, source: Source, fit: Fit | None) -> Checkpoint:
        with _one_sentence(source.name):
            return checkpoint.load(
                source,
                device=str(self._device),
                dtype=self._dtype(fit),
                channels_last=self._settings.channels_last,
            )

    def _finish(self, parts: Checkpoint, source: Source, card: Card, fit: Fit | None) -> Loaded:
        with _one_sentence(source.name):
            pipeline.use_threads(self._threads or _cores())
            model = StableDiffusion(
                parts,
                adapters=adapters.Adapters(
                    files={name: self._adapters[name] for name in card.adapters},
                    unet=parts.unet,
                    text_encoder=parts.text_encoder,
                    room=self._adapter_room,
                ),
            )
            model.card = card
            weights = parts.nbytes
            fit = self._fitted(model, card, fit)
            if self._threads is None and self._on_cpu:
                self._threads = warmup.quickest_threads(model, most=_cores(), use=pipeline.use_threads)
            model.budget = warmup.row_budget(model, most=None if fit is None else fit.rows)
            model.card = warmup.measured(model)
        return Loaded(model=model, size=self._taken(weights, fit, card))

    def _fitted(self, model: StableDiffusion, card: Card, fit: Fit | None) -> Fit | None:
        """Switch on what the model needs, measured where that can be, and lower its card's limits to it."""
        parts = model.parts
        sliced = self._settings.attention == "sliced"
        if self.limit is not None and not self._on_cpu:
            meter = economy.Measuring(
                model,
                parts,
                gauge=economy.CudaGauge(self._device),
                plan=lambda width, height: warmup.plan(card, width, height),
                decoded=DECODED_AT_ONCE,
            )
            limit = self.limit - self._for_adapters(card)
            fit = memory.fit(meter, card, limit=limit, allowed=self._allowed(parts.dtype.itemsize), rows=self._rows)
        chosen = Economies() if fit is None else fit.economies
        economy.apply(parts, dataclasses.replace(chosen, sliced_attention=chosen.sliced_attention or sliced))
        if fit is not None:
            model.card = dataclasses.replace(card, limits=fit.limits)
        if self._settings.compile:
            economy.compile_parts(parts)
        return fit


@contextlib.contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    """Whatever goes wrong with a model is one sentence about it, but for what the engine can do something about."""
    try:
        yield
    except (errors.ModelUnusable, errors.OutOfMemory, errors.DeviceLost):
        raise
    except foundation_errors.DaydreamError as error:
        raise errors.ModelUnusable(f"The model {name} cannot be used here: {error.message}") from error
    except torch.OutOfMemoryError as error:
        raise errors.OutOfMemory from error
    except torch.AcceleratorError as error:
        raise errors.DeviceLost from error
    except Exception as error:  # of many libraries, any of which may not like a folder or a device
        said = f"{type(error).__name__}: {errors.first_line(error)}"
        raise errors.ModelUnusable(f"The model {name} cannot be used here: {said}") from error


def _check_defaults(card: Card) -> None:
    picture = b"a picture" if card.inpainting else None
    try:
        limits.settle(Request(prompt="a house", start_image=picture, mask=picture), card)
    except foundation_errors.InvalidInput as error:
        raise errors.ModelUnusable(f"The defaults of {card.name} break its limits: {error.message}") from error


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
