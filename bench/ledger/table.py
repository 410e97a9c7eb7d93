"""The figures as Markdown, and into the page. Reads the file's JSON, measures nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench import pages
from bench.ledger.goals import GOALS, Parts, number

BEGIN: Final = "<!-- bench.ledger: from here to the end mark, `python -m bench.ledger table --write` writes -->"
END: Final = "<!-- bench.ledger: end -->"
_QUEUES: Final = ("daydream", "celery", "rq")


def markdown(results: Mapping[str, Any]) -> str:
    """Every table, and a paragraph on what they were measured on."""
    parts: Parts = results["parts"]
    if not parts:
        return "Not measured yet: `python -m bench.ledger run` makes the figures."
    texts = ["\n".join(pages.lines(("goal", "wanted", "found", ""), [goal.row(parts) for goal in GOALS]))]
    texts += [write(parts[name]) for name, write in _TEXTS.items() if name in parts and "missing" not in parts[name]]
    texts += [f"`{name}` is missing: {part['missing']}." for name, part in parts.items() if "missing" in part]
    return "\n\n".join([*texts, _circumstances(results)])


def paste(text: str, page: Path = pages.PERFORMANCE) -> None:
    """Put the tables between the page's two marks. Raises ValueError where it has none."""
    pages.paste(text, page, begin=BEGIN, end=END)


def _starts(part: Mapping[str, Any]) -> str:
    head = (
        "queue", "start p50, ms", "start p99, ms", "ours beside it", "8 clients: start p50, ms", "start p99, ms",
        "ours beside it", "submits/s", "ours beside it", "8 clients: submits/s", "ours beside it",
    )  # fmt: skip
    rows = []
    for name in _QUEUES:
        queue = part["queues"][name]
        cells = [queue["title"]]
        for load in ("alone", "together"):
            cells += [number(queue[load]["start"][percent]) for percent in ("p50", "p99")]
            cells.append(_ratio(queue[load]["beside"]))
        for load in ("submits_alone", "submits_together"):
            cells += [number(queue[load]["a_second"]), _ratio(queue[load]["beside"])]
        rows.append(cells)
    return "\n".join(["**Beside other task queues**", "", *pages.lines(head, rows)])


def _submits(part: Mapping[str, Any]) -> str:
    waiting, drawing = (part[load] for load in ("waiting", "drawing"))
    return (
        f"{_SUBMITS[part['database']]} at {number(part['rate'])}/s for {number(waiting['seconds'])} s: with nothing "
        f"drawn meanwhile {_spread(waiting)}; drawn as they come {_spread(drawing)}, while "
        f"{number(drawing['begun_a_second'])} tasks/s began and up to {drawing['queue_at_most']} waited."
    )


def _spread(load: Mapping[str, Any]) -> str:
    return (
        f"p50 {number(load['p50'])} ms, p99 {number(load['p99'])} ms, slowest {number(load['most'])} ms, "
        f"{load['failed']} failed"
    )


def _claims(part: Mapping[str, Any]) -> str:
    paced, at_once = part["paced"], part["at_once"]
    return (
        f"Claims: {part['dispatchers']} dispatchers at {number(paced['rate'])} claims/s in all have a p50 of "
        f"{number(paced['p50'])} ms and a p99 of {number(paced['p99'])} ms. As fast as they can they claim "
        f"{number(at_once['claims_a_second'])} a second, with {number(at_once['p50'])} and {number(at_once['p99'])} ms."
    )


def _streams(part: Mapping[str, Any]) -> str:
    delay = part["step_delay"]
    return (
        f"Streams: of {number(part['steps_a_second'])} steps/s made clients heard in {number(part['events_a_second'])} "
        f"events/s; they knew of a step after {number(delay['p50'])} ms (p99 {number(delay['p99'])}, slowest "
        f"{number(delay['most'])}), and of {part['steps_unheard']} never. {part['streams']} idle streams were opened "
        f"in {number(part['opened_seconds'])} s and take {number(part['gateway_megabytes'])} MB of the gateway and "
        f"{number(part['ledger_megabytes'])} MB of the ledger, and {number(part['gateway_cpu_percent'])} and "
        f"{number(part['ledger_cpu_percent'])} % of a core. When all of them vanished, their places were free after "
        f"{number(part['freed_seconds'])} s."
    )


def _requeues(part: Mapping[str, Any]) -> str:
    kinds = (("worker_killed", "a killed worker"), ("worker_stopped", "a worker that stopped answering"),
             ("dispatcher_killed", "a killed dispatcher"))  # fmt: skip
    told = ", ".join(
        f"{words} {number(part[name]['median'])} s (slowest {number(part[name]['most'])}, of {part[name]['count']})"
        for name, words in kinds
    )
    return f"Until the task waits again, median: {told}."


def _failover(part: Mapping[str, Any]) -> str:
    return (
        f"NATS: with three servers and the stream's leader killed nothing was acknowledged for "
        f"{number(part['longest_silence_seconds'])} s; of {part['acknowledged']} acknowledged events {part['lost']} "
        "were lost."
    )


def _logins(part: Mapping[str, Any]) -> str:
    def pair(when: str) -> str:
        told = part[when]
        return " and ".join(f"{number(told[name]['p50'])} ({number(told[name]['p99'])})" for name in _OTHERS)

    return (
        f"Sign-ins: {part['callers']} callers again and again, {number(part['sign_ins_a_second'])} checked and "
        f"{number(part['refused_a_second'])} refused a second. Others' sessions and submits, p50 (p99) in ms: "
        f"{pair('quiet')} in quiet, {pair('during')} during it."
    )


def _circumstances(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    days = sorted({part["day"] for part in results["parts"].values()})
    peers = ", ".join(f"{name} {version}" for name, version in results["peers"].items())
    return (
        f"{machine['cores']} cores of an {machine['processor']}, with clients, databases, brokers and services all on "
        f"them; Python {machine['python']}, {peers}; {', '.join(days)}."
    )


def _ratio(value: float) -> str:
    return f"{value:.2f}×"


_OTHERS: Final = ("resolve", "submit")
_SUBMITS: Final = {"postgresql": "Submits on PostgreSQL", "sqlite": "Submits on SQLite"}
_TEXTS: Final = {
    "starts": _starts,
    "submits_postgres": _submits,
    "submits_sqlite": _submits,
    "claims": _claims,
    "streams": _streams,
    "requeues": _requeues,
    "failover": _failover,
    "logins": _logins,
}
