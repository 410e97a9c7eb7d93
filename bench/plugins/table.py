"""The figures as Markdown, and into the page. Reads the file's JSON, measures nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench import pages
from bench.ledger.goals import number
from bench.plugins.results import OURS

BEGIN: Final = "<!-- bench.plugins: from here to the end mark, `python -m bench.plugins table --write` writes -->"
END: Final = "<!-- bench.plugins: end -->"
MOST_MEGABYTES: Final = 200
_NOT: Final = "not measured"


def markdown(results: Mapping[str, Any]) -> str:
    """Hosts beside each other, then streams and the file, then what it was measured on."""
    hosts = results["hosts"]
    if not hosts:
        return "Not measured yet: `python -m bench.plugins run` makes the figures."
    ours = hosts.get(OURS, {})
    return "\n\n".join([_hosts(hosts), _goal(ours), _streams(ours), _circumstances(results)])


def paste(text: str, page: Path = pages.PERFORMANCE) -> None:
    """Put the tables between the page's two marks. Raises ValueError where it has none."""
    pages.paste(text, page, begin=BEGIN, end=END)


def _hosts(hosts: Mapping[str, Any]) -> str:
    counts = {str(found["queued"]["tasks"]) for found in hosts.values() if "queued" in found} or {"100"}
    rows = [
        [words.format(tasks=" or ".join(sorted(counts))), *(_cell(found, *path) for found in hosts.values())]
        for words, path in _ROWS
    ]
    return "\n".join(pages.lines(["ms unless said", *hosts], rows))


def _cell(found: Mapping[str, Any], *path: str) -> str:
    value: Any = found
    for key in path:
        if key not in value:
            return _NOT
        value = value[key]
    return number(value)


def _goal(ours: Mapping[str, Any]) -> str:
    words, wanted = "most memory of the process that filters", f"≤ {MOST_MEGABYTES} MB"
    filtered = ours.get("filter")
    if filtered is None:
        row = [f"1 GB of CSV: {words}", wanted, _NOT, ""]
    else:
        peak = filtered["worker_peak_megabytes"]
        met = "met" if peak <= MOST_MEGABYTES else "missed"
        row = [f"{filtered['megabytes']:.0f} MB of CSV: {words}", wanted, f"{number(peak)} MB", met]
    table = "\n".join(pages.lines(("goal", "wanted", "found", ""), [row]))
    if filtered is None:
        return table
    return (
        f"{table}\n\nThe file has {filtered['rows']:,} rows and went through in {number(filtered['seconds'])} s; "
        f"{number(filtered['result_megabytes'])} MB came back. The process had "
        f"{number(filtered['idle_peak_megabytes'])} MB before it, and the one that serves "
        f"{number(filtered['host_peak_megabytes'])} MB at most."
    )


def _streams(ours: Mapping[str, Any]) -> str:
    streams = ours.get("streams")
    if streams is None:
        return f"Idle event streams: {_NOT}."
    delay = streams["delay"]
    return (
        f"{streams['streams']} idle event streams were opened in {number(streams['opened_seconds'])} s and take "
        f"{number(streams['megabytes'])} MB and {number(streams['cpu_percent'])} % of a core. A change of their tasks "
        f"is heard after {number(delay['p50'])} ms (p95 {number(delay['p95'])}, slowest {number(delay['most'])})."
    )


def _circumstances(results: Mapping[str, Any]) -> str:
    machine, hosts = results["machine"], results["hosts"]
    days = sorted({each["day"] for each in hosts.values()})
    counts = sorted({each["requests"] for each in hosts.values() if "requests" in each})
    asked = f"{' or '.join(map(str, counts))} requests a page. " if counts else ""
    return (
        f"{asked}{machine['cores']} cores of an {machine['processor']} for clients and hosts, Python "
        f"{machine['python']}; {', '.join(days)}."
    )


_ROWS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("`GET /plugins/`: p50", ("listing", "1", "p50")),
    ("p95", ("listing", "1", "p95")),
    ("8 at once: p95", ("listing", "8", "p95")),
    ("a form: p50", ("form", "1", "p50")),
    ("p95", ("form", "1", "p95")),
    ("8 at once: p95", ("form", "8", "p95")),
    ("from form to result: p50", ("round_trip", "p50")),
    ("p95", ("round_trip", "p95")),
    ("{tasks} tasks sent, 8 at once: p95 of a submit", ("queued", "submit", "p95")),
    ("all of them done after, s", ("queued", "seconds")),
    ("tasks/s", ("queued", "a_second")),
)
