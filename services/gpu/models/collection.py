"""The models a worker can draw with: loaded when they are asked for, let go when memory is short; knows no torch.

A model is read in a thread of its own, however long that takes, while others are drawn with; only what must be measured
is done in the drawing thread, in a few seconds.

Whoever draws with a model pins it, and a pinned one stays, so that a request for one model never ends what is being
drawn with another. What callers know of a model is known before it is loaded, and better once it was measured.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent import futures
from dataclasses import dataclass
from typing import Any

from services.foundation import logs
from services.gpu import errors
from services.gpu.card import Card, Memory
from services.gpu.engine.model import Model

log = logs.logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Size:
    """What a model takes, in bytes."""

    weights: int
    """While it only lies there."""
    work: int
    """While it draws, beside its weights."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model in memory."""

    model: Model[Any, Any]
    """It."""
    size: Size
    """Measured, where that can be."""


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A model that can be loaded."""

    card: Card
    """What is known of it before."""
    size: Size
    """Reckoned."""
    read: Callable[[], Any]
    """Brings its weights into memory, in any thread. Raises ModelUnusable, OutOfMemory and DeviceLost."""
    finish: Callable[[Any], Loaded]
    """Makes a measured model of what was read, in the drawing thread. Raises the same."""


@dataclass(frozen=True, kw_only=True)
class _Reading:
    name: str
    parts: futures.Future[Any]


class Library:
    """Fills the engine's port `model.Library`.

    `cards` and `memory` may be called from any thread, the rest from the drawing one.
    """

    def __init__(
        self,
        volumes: Sequence[Volume],
        *,
        limit: int | None,
        release: Callable[[], None],
        gauge: Callable[[], Memory] = Memory,
    ) -> None:
        """The first volume is the default. `limit` is in bytes; `release` gives back what a model that left held.

        `gauge` tells what the device's memory holds, in any thread. Raises ModelUnusable when there is none, and when
        two have one name.
        """
        if not volumes:
            raise errors.ModelUnusable("GPU_MODEL names no model.")
        self._volumes = {volume.card.name: volume for volume in volumes}
        if len(self._volumes) < len(volumes):
            names = ", ".join(volume.card.name for volume in volumes)
            raise errors.ModelUnusable(f"GPU_MODEL names two models of one name: {names}.")
        self._limit, self._release, self._gauge = limit, release, gauge
        self._cards = tuple(volume.card for volume in volumes)
        self._sizes = {volume.card.name: volume.size for volume in volumes}
        # Least recently used first.
        self._loaded: OrderedDict[str, Loaded] = OrderedDict()
        self._pins = dict.fromkeys(self._volumes, 0)
        self._reader = futures.ThreadPoolExecutor(1, thread_name_prefix="reading")
        self._reading: _Reading | None = None
        self._listeners: list[Callable[[], None]] = []

    def cards(self) -> Sequence[Card]:
        """What callers know of each; the first is the default."""
        return self._cards

    def memory(self) -> Memory:
        """What the device's memory holds now."""
        return self._gauge()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener`, in some thread, whenever a model has been read: whoever asked for one may ask again."""
        self._listeners.append(listener)

    def get(self, name: str) -> Model[Any, Any]:
        """The model, however long it takes to load. Raises what `ask` raises."""
        while (model := self.ask(name)) is None:
            if self._reading is not None:
                futures.wait([self._reading.parts])
        return model

    def ask(self, name: str) -> Model[Any, Any] | None:
        """The model, or None while it is read; ask again when listeners are called.

        Raises ModelNotFound, ModelUnusable, DeviceLost, and OutOfMemory while pinned ones are in its way.
        """
        if name not in self._volumes:
            raise errors.ModelNotFound(metadata={"model": name})
        if self._reading is not None and self._reading.parts.done():
            self._take(self._reading, wanted=name)
        if name not in self._loaded:
            if self._reading is None:
                self._make_room(name)
                self._read(name)
            return None
        self._loaded.move_to_end(name)
        return self._loaded[name].model

    def pin(self, name: str) -> None:
        """Keep the model in memory until it is unpinned as often as it was pinned."""
        self._pins[name] += 1

    def unpin(self, name: str) -> None:
        """The model may leave."""
        self._pins[name] -= 1
        assert self._pins[name] >= 0

    def _read(self, name: str) -> None:
        log.info("loading", model=name)
        self._reading = _Reading(name=name, parts=self._reader.submit(self._volumes[name].read))
        self._reading.parts.add_done_callback(self._tell)

    def _tell(self, _parts: futures.Future[Any]) -> None:
        for listener in self._listeners:
            listener()

    def _take(self, reading: _Reading, *, wanted: str) -> None:
        """Make a model of what was read; what goes wrong with one that nobody waits for any more is only logged."""
        self._reading = None
        name = reading.name
        try:
            loaded = self._finished(reading)
        except errors.DeviceLost:
            raise
        except (errors.OutOfMemory, errors.ModelUnusable) as error:
            if name == wanted:
                raise
            log.warning("model not loaded", model=name, error=str(error))
            return
        if loaded is not None:
            self._loaded[name] = loaded
            self._sizes[name] = loaded.size
            self._cards = tuple(loaded.model.card if card.name == name else card for card in self._cards)

    def _finished(self, reading: _Reading) -> Loaded | None:
        """The model; None where it is read once more, now that another has left."""
        name = reading.name
        try:
            return self._volumes[name].finish(reading.parts.result())
        except errors.OutOfMemory as error:
            # What it needs was only reckoned.
            if self._let_go_of_one():
                self._read(name)
                return None
            if self._loaded:
                raise
            raise errors.ModelUnusable(f"The model {name} cannot be used here: {error.message}") from error

    def _make_room(self, name: str) -> None:
        while not self._fits({name, *self._loaded}):
            if self._let_go_of_one():
                continue
            if self._loaded:
                raise errors.OutOfMemory(f"The model {name} has no room beside those that are being drawn with.")
            # Alone it has all there is; whether that is enough is said by loading it.
            return

    def _fits(self, names: set[str]) -> bool:
        # One forward at a time: only one of them works, the others lie there.
        sizes = [self._sizes[name] for name in names]
        taken = sum(size.weights for size in sizes) + max(size.work for size in sizes)
        return self._limit is None or taken <= self._limit

    def _let_go_of_one(self) -> bool:
        name = next((each for each in self._loaded if not self._pins[each]), None)
        if name is None:
            return False
        del self._loaded[name]
        self._release()
        log.info("unloaded", model=name)
        return True
