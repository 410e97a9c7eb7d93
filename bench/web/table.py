"""The figures as Markdown, and into the page. Reads the file's JSON, measures nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench import pages
from bench.ledger.goals import number

BEGIN: Final = "<!-- bench.web: from here to the end mark, `python -m bench.web table --write` writes -->"
END: Final = "<!-- bench.web: end -->"
MOST_MS: Final = 100
MOST_BYTES: Final = 150_000
_TITLES: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def markdown(results: Mapping[str, Any]) -> str:
    """Goals, times, weights, and a line on what they were measured on."""
    databases = results["databases"]
    if not databases:
        return "Not measured yet: `python -m bench.web run` makes the figures."
    return "\n\n".join([_goals(databases), _times(databases), _weights(databases), _circumstances(results)])


def paste(text: str, page: Path = pages.PERFORMANCE) -> None:
    """Put the tables between the page's two marks. Raises ValueError where it has none."""
    pages.paste(text, page, begin=BEGIN, end=END)


def _goals(databases: Mapping[str, Any]) -> str:
    rows = []
    for name, found in databases.items():
        p95 = found["pages"]["/studio"]["1"]["p95"]
        met = "met" if p95 < MOST_MS else "missed"
        rows.append([f"`/studio`, one at a time, {_TITLES[name]}: p95", f"< {MOST_MS} ms", f"{number(p95)} ms", met])
    for found in databases.values():
        if "/studio" in found["weights"]:
            weight = found["weights"]["/studio"]["bytes"]
            met = "met" if weight < MOST_BYTES else "missed"
            rows.append(
                ["first visit of `/studio` without pictures", f"< {MOST_BYTES // 1000} kB", f"{_kilo(weight)} kB", met]
            )
            break
    return "\n".join(pages.lines(("goal", "wanted", "found", ""), rows))


def _times(databases: Mapping[str, Any]) -> str:
    head = ["page", "database", "p50, ms", "p95, ms", "8 at once: p50, ms", "p95, ms"]
    rows = [
        [f"`{page}`", _TITLES[name], *(number(times[callers][share]) for callers in ("1", "8") for share in _SHARES)]
        for name, found in databases.items()
        for page, times in found["pages"].items()
    ]
    return "\n".join(pages.lines(head, rows))


def _weights(databases: Mapping[str, Any]) -> str:
    found = next((each["weights"] for each in databases.values() if each["weights"]), None)
    if found is None:
        return "What pages weigh was not measured: no Chromium."
    rows = [
        [f"`{page}`", str(each["requests"]), _kilo(each["page"]), _kilo(each["bytes"])] for page, each in found.items()
    ]
    head = ("first visit", "requests", "the page itself, kB", "all but pictures, kB")
    return "\n".join(pages.lines(head, rows))


def _circumstances(results: Mapping[str, Any]) -> str:
    machine, databases = results["machine"], results["databases"]
    days = sorted({each["day"] for each in databases.values()})
    told = ", ".join(f"{_TITLES[name]}: {each['tasks']:,} tasks" for name, each in databases.items())
    counts = sorted({each["requests"] for each in databases.values()})
    return (
        f"{told}; {' or '.join(map(str, counts))} requests each. {machine['cores']} cores of an {machine['processor']} "
        f"for the client and all services, Python {machine['python']}; {', '.join(days)}."
    )


def _kilo(size: int) -> str:
    return f"{size / 1000:.1f}"


_SHARES: Final = ("p50", "p95")
