"""What a plugin host says, read with care: plugins are others' code, and any of it may be of any shape."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from packaging.version import InvalidVersion, Version

from services.web import loopback

_MOST: Final = 500
"""Of a list that a host gives."""
_WORDS: Final = 2_000
"""Of a description."""
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.@~+-]{1,200}")
_NO_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of characters, which no page can be sent with."""
_NO_VERSION: Final = Version("0")


@dataclass(frozen=True, kw_only=True)
class Input:
    """A file that a plugin takes."""

    parameter: str
    """The name that its form gives it."""
    data_type: str
    """What it is, `image/*` say."""
    content_types: tuple[str, ...]
    """How it may be encoded."""
    required: bool
    """Whether nothing goes without it."""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """A plugin of the host."""

    identifier: str
    """Its name and version, as addresses have it."""
    name: str
    """For machines."""
    version: str
    """As it says itself."""
    title: str
    """For people; its name where it has none."""
    description: str
    """What it does."""
    kind: str
    """processing, visualization, conversion, … or whatever it says; empty while unknown."""
    tags: tuple[str, ...]
    """Words it is found by."""
    root: str
    """Its own path on the host."""
    page: str
    """Path and query of its form; empty while unknown."""
    inputs: tuple[Input, ...]
    """The files it takes."""

    @property
    def age(self) -> tuple[bool, Version, str]:
        """Greater for newer versions of one name; what is no version by PEP 440 is older than all that are."""
        try:
            return True, Version(self.version), ""
        except InvalidVersion:
            return False, _NO_VERSION, self.version


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A plugin that could not be loaded."""

    name: str
    """Its module."""
    cause: str
    """Why, in a line."""
    trace: str
    """Where, for staff; else empty."""


class Places:
    """Tells the host's own addresses, however it spells them, from others'."""

    def __init__(self, *origins: str) -> None:
        """`origins` are those the host is reached at, from within and from without."""
        self._hosts = {urlsplit(each).netloc.lower() for origin in origins for each in loopback.names_of(origin)}

    def path(self, address: Any, base: str = "/") -> str:
        """Path and query of an address on the host, seen from the path `base`; empty for any other address."""
        if not isinstance(address, str) or not address or len(address) > _WORDS or _NO_TEXT.search(address):
            return ""
        try:
            parts = urlsplit(urljoin(base, address))
        except ValueError:
            return ""
        if (parts.netloc and parts.netloc.lower() not in self._hosts) or parts.scheme not in {"", "http", "https"}:
            return ""
        # Two slashes would begin another host's address.
        path = f"/{parts.path.lstrip('/')}"
        return f"{path}?{parts.query}" if parts.query else path


def listed(answer: Any) -> list[Mapping[str, Any]]:
    """The plugins in the answer of `GET /plugins/` that can be named in an address."""
    found = answer.get("plugins") if isinstance(answer, Mapping) else None
    plugins = [each for each in found[:_MOST] if isinstance(each, Mapping)] if isinstance(found, list) else []
    return [each for each in plugins if _IDENTIFIER.fullmatch(_text(each.get("identifier")))]


def failures(answer: Any) -> list[Failure]:
    """Those that could not be loaded, in the same answer."""
    found = answer.get("failed") if isinstance(answer, Mapping) else None
    failed = [each for each in found[:_MOST] if isinstance(each, Mapping)] if isinstance(found, list) else []
    return [
        Failure(name=_text(each.get("name")), cause=_text(each.get("cause")), trace=_text(each.get("trace"), 20_000))
        for each in failed
    ]


def plugin(entry: Mapping[str, Any], about: Any, places: Places) -> Plugin:
    """A plugin of the list with what it says of itself, which may be anything."""
    about = about if isinstance(about, Mapping) else {}
    door = about.get("entryPoint")
    door = door if isinstance(door, Mapping) else {}
    root = places.path(entry.get("apiRoot"))
    name = _text(entry.get("name")) or _text(entry.get("identifier"))
    told = door.get("dataInput")
    inputs = told if isinstance(told, list) else []
    return Plugin(
        identifier=_text(entry.get("identifier")),
        name=name,
        version=_text(entry.get("version"), 200),
        title=_text(about.get("title"), 200) or name,
        description=_text(about.get("description")) or _text(entry.get("description")),
        kind=_text(about.get("type"), 40),
        tags=_texts(entry.get("tags")),
        root=root,
        page=places.path(door.get("uiHref"), root),
        inputs=tuple(_input(each) for each in inputs[:50] if isinstance(each, Mapping)),
    )


def in_order(plugins: Iterable[Plugin]) -> list[Plugin]:
    """By title, and of one title the newest first."""
    return sorted(sorted(plugins, key=lambda each: each.age, reverse=True), key=lambda each: each.title.casefold())


def _input(entry: Mapping[str, Any]) -> Input:
    return Input(
        parameter=_text(entry.get("parameter"), 200),
        data_type=_text(entry.get("dataType"), 200) or "*",
        content_types=_texts(entry.get("contentType")) or ("*",),
        required=entry.get("required") is True,
    )


def _texts(value: Any) -> tuple[str, ...]:
    found: Sequence[Any] = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return tuple(text for each in found[:50] if (text := _text(each, 200)))


def _text(value: Any, most: int = _WORDS) -> str:
    return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", value[:most]) if isinstance(value, str) else ""
