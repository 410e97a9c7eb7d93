"""What matches what: data types, content types, versions, plugins and what other plugins ask of them."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version


def type_matches(wanted: str, actual: str) -> bool:
    """Whether a data or content type is what was asked for.

    `something`, `something/` and `something/*` ask for anything that begins so, `*` for anything, and the rest for
    itself. Parameters (`; charset=utf-8`) and case do not count.
    """
    wanted, actual = (value.partition(";")[0].strip().lower() for value in (wanted, actual))
    if wanted in {"*", "*/*"}:
        return True
    group, slash, rest = wanted.partition("/")
    if not slash or rest in {"", "*"}:
        return actual.partition("/")[0] == group
    return wanted == actual


def data_matches(wanted_type: str, wanted_contents: Iterable[str], data_type: str, content_type: str) -> bool:
    """Whether a file fits an input: its data type, and one of the content types."""
    return type_matches(wanted_type, data_type) and any(type_matches(one, content_type) for one in wanted_contents)


def version_matches(wanted: str | None, version: str) -> bool:
    """Whether `version` is `wanted`, or in that range.

    `v1.2.0` is itself, `v1` and `v1.2` every version that begins so, `>=v0.1.0 <=v0.5.0` a range, with commas or
    without. What is no version or no range matches only itself.
    """
    if wanted is None or not wanted.strip():
        return True
    parts = wanted.replace(",", " ").split()
    joined: list[str] = []
    for part in parts:
        # An operator may stand alone, before its version.
        if joined and not any(char.isdigit() for char in joined[-1]):
            joined[-1] += part
        else:
            joined.append(part)
    try:
        found = Version(version)
        return all(_one_matches(part, found) for part in joined)
    except (InvalidVersion, InvalidSpecifier):
        return wanted.strip() == version.strip()


def tags_match(wanted: Iterable[str] | None, tags: Iterable[str]) -> bool:
    """Whether all wanted tags are there, and none of those with a `!` before them."""
    present = set(tags)
    return all((tag[1:] not in present) if tag.startswith("!") else (tag in present) for tag in wanted or ())


def plugin_matches(wanted: Mapping[str, Any], plugin: Mapping[str, Any]) -> bool:
    """Whether a plugin (`name`, `version`, `type`, `tags`) is what a dependency (the same keys) asks for, in all."""
    kind, actual = (
        value.value if isinstance(value, Enum) else value for value in (wanted.get("type"), plugin.get("type"))
    )
    return (
        (not kind or kind == actual)
        and (not wanted.get("name") or wanted["name"] == plugin.get("name"))
        and version_matches(wanted.get("version"), str(plugin.get("version") or ""))
        and tags_match(wanted.get("tags"), plugin.get("tags") or ())
    )


def _one_matches(part: str, version: Version) -> bool:
    operator = part[: len(part) - len(part.lstrip("<>=!~"))]
    number = part[len(operator) :].removeprefix("v").removeprefix("V")
    if operator in {"", "="}:
        # A version of fewer than three numbers stands for all that begin with it.
        operator, number = "==", number if number.count(".") >= 2 or number.endswith("*") else f"{number}.*"
    return SpecifierSet(f"{operator}{number}").contains(version, prereleases=True)
