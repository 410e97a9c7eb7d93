"""A JSON column whose dicts and lists notice their changes at any depth; it takes plain values as well."""

from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.mutable import Mutable
from sqlalchemy.types import JSON
from sqlalchemy_json import NestedMutableContainer, NestedMutableDict, NestedMutableList
from sqlalchemy_json.track import TrackedDict, TrackedList

__all__ = ["JSON_LIKE", "MutableJSON", "NestedMutableDict", "NestedMutableList", "TrackedDict", "TrackedList"]

# Not spelled recursively: mapped classes look their annotations up at run time.
JSON_LIKE = dict | list | str | float | int | bool | None  # type: ignore[type-arg]


class _Anything(NestedMutableContainer):  # type: ignore[misc]
    """Tracks what can change and leaves what cannot."""

    @classmethod
    def _listen_on_attribute(cls, attribute: Any, coerce: bool, parent_cls: Any) -> None:
        """SQLAlchemy's own listeners take every value that is not None for one that tracks its changes."""
        key: Final[str] = attribute.key
        if parent_cls is not attribute.class_:
            return

        def adopt(state: Any, value: Any) -> Any:
            tracked = cls.coerce(key, value) if isinstance(value, dict | list) else value
            if isinstance(tracked, Mutable):
                tracked._parents[state] = key
            return tracked

        def load(state: Any, *_: Any) -> None:
            if key in state.dict:
                state.dict[key] = adopt(state, state.dict[key])

        def refresh(state: Any, _context: Any, names: Any) -> None:
            if not names or key in names:
                load(state)

        def replace(state: Any, value: Any, before: Any, _initiator: Any) -> Any:
            if value is before:
                return value
            if isinstance(before, Mutable):
                before._parents.pop(state, None)
            return adopt(state, value)

        event.listen(parent_cls, "load", load, raw=True, propagate=True)
        event.listen(parent_cls, "refresh", refresh, raw=True, propagate=True)
        event.listen(parent_cls, "refresh_flush", refresh, raw=True, propagate=True)
        event.listen(attribute, "set", replace, raw=True, retval=True, propagate=True)


MutableJSON = _Anything.as_mutable(JSON(none_as_null=False))
