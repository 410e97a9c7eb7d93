"""Keep what the text encoder made of prompts it saw lately; knows nothing of text nor tensors."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

V = TypeVar("V")

PLACES: Final = 128
"""Prompts kept; one of Stable Diffusion 1.5 takes a quarter of a megabyte."""


class Embeddings(Generic[V]):
    """The values used last, by key. One key, the empty prompt's, is never given up once it was asked for."""

    def __init__(self, *, held: Hashable, places: int = PLACES) -> None:
        """`held` is that key; it takes none of the `places`."""
        self._held_key, self._places = held, places
        self._held: list[V] = []
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value of `key`, made if it is not kept."""
        if key == self._held_key:
            self._held = self._held or [make()]
            return self._held[0]
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key]
        # What `make` raises leaves nothing behind.
        value = self._values[key] = make()
        if len(self._values) > self._places:
            self._values.popitem(last=False)
        return value
