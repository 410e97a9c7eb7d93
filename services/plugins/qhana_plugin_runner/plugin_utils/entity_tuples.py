"""Entities as tuples with named attributes."""

from collections import namedtuple
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, ClassVar, cast


class EntityTupleMixin:
    """Beside a named tuple: the attributes' names as in the file, where a named tuple may have to rename them."""

    __slots__ = ()

    entity_attributes: ClassVar[Sequence[str]]
    """The names, in order."""
    _positions: ClassVar[dict[str, int]]

    def __init_subclass__(cls) -> None:
        cls._positions = {name: position for position, name in enumerate(cls.entity_attributes)}

    def get(self, key: str | int, default: Any = None) -> Any:
        """The value at an attribute's name or position; `default` for a name that is not there."""
        if isinstance(key, str):
            position = self._positions.get(key)
            if position is None:
                return default
            key = position
        return cast("tuple[Any, ...]", self)[key]

    def as_dict(self) -> dict[str, Any]:
        """Names and values."""
        return dict(zip(self.entity_attributes, cast("tuple[Any, ...]", self), strict=True))

    @classmethod
    def from_dict(cls, **kwargs: Any) -> Any:
        """An entity of these values; None where one is missing."""
        return cls(*map(kwargs.get, cls.entity_attributes))

    @classmethod
    def from_iter(cls, iterable: Iterable[Any]) -> Any:
        """An entity of these values, in order."""
        return cls(*iterable)


def get_entity_tuple_class(attributes: Sequence[str], name: str = "Entity") -> Any:
    """The class of entities with these attributes; the same class for the same question."""
    return _tuple_class(tuple(attributes), name)


@lru_cache(maxsize=256)
def _tuple_class(attributes: tuple[str, ...], name: str) -> Any:
    # Names that are no identifiers, or come twice, are given others; get() and as_dict() still know the real ones.
    base = namedtuple(name, attributes, rename=True)  # type: ignore[misc]
    return type(name, (EntityTupleMixin, base), {"entity_attributes": attributes, "__slots__": ()})
