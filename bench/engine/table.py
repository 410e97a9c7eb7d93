"""The figures as Markdown, and into the page. Reads the file's JSON, measures nothing."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import pages
from bench.engine.goals import GOALS, OURS, Arms
from bench.engine.loads import BATCH, MIXED, OVERLOAD, OVERLOADED, SIZES, UNIFORM

PAGE: Final = pages.PERFORMANCE
BEGIN: Final = "<!-- bench.engine: from here to the end mark, `python -m bench.engine table --write` writes -->"
END: Final = "<!-- bench.engine: end -->"

ORDER: Final = ("bare", "static", "flask", "celery", "litserve", "bentoml", "ray", "daydream")


def markdown(results: Mapping[str, Any]) -> str:
    """Every table, and a paragraph on what they were measured on."""
    arms: Arms = results["arms"]
    if not arms:
        return "Not measured yet: `python -m bench.engine run` makes the figures."
    parts = [_size(arms, size) for size in SIZES]
    if "sizes" in arms.get(OURS, {}):
        rows = [goal.row(arms) for goal in GOALS]
        parts += [
            "\n".join(pages.lines(("goal", "wanted", *(f"{size}²" for size in SIZES)), rows)),
            _answers(arms[OURS]),
        ]
    return "\n\n".join([*parts, _circumstances(results)])


def paste(text: str, page: Path = PAGE) -> None:
    """Put the tables between the page's two marks. Raises ValueError where it has none."""
    pages.paste(text, page, begin=BEGIN, end=END)


def _size(arms: Arms, size: int) -> str:
    head = (
        "arm", f"{BATCH} clients, alike", f"{BATCH} clients, mixed", "overload, mixed", "short p50, s", "short p99, s",
        "long p50, s", "first step p50, s", "first step p99, s", "one client",
    )  # fmt: skip
    rows = [_row(arms[name], size, len(head) - 1) for name in ORDER if name in arms]
    return "\n".join([f"**{size}² pixels, latents of {size // 8}²**", "", *pages.lines(head, rows)])


def _row(arm: Mapping[str, Any], size: int, cells: int) -> list[str]:
    if "missing" in arm:
        return [arm["title"], arm["missing"].replace("|", "/"), *[""] * (cells - 1)]
    found = arm["sizes"][str(size)]
    over = found["overloaded"]
    loads = [found[load.name] for load in (UNIFORM, MIXED, OVERLOADED)]
    speeds = [_number(load["speed"], failed=load["failed"]) for load in loads]
    waits = [_number(over[name]) for name in ("short_p50", "short_p99", "long_p50", "first_p50", "first_p99")]
    return [arm["title"], *speeds, *waits, _number(found["one"]["ratio"], failed=found["one"]["failed"])]


def _answers(ours: Mapping[str, Any]) -> str:
    idle, busy = (ours[f"answer_{when}_ms"] for when in ("idle", "busy"))
    return (
        f"Event delay: a health check goes to the worker and back in {_number(idle['p50'])} ms (p99 "
        f"{_number(idle['p99'])}) while it idles and in {_number(busy['p50'])} ms (p99 {_number(busy['p99'])}) while "
        f"{BATCH} clients keep it drawing; an event takes the way back only. The worker gave "
        f"itself {ours['slots']} slots."
    )


def _circumstances(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    days = sorted({arm["day"] for arm in results["arms"].values()})
    peers = ", ".join(f"{name} {version}" for name, version in results["peers"].items())
    settings = ", ".join(f"{name}={value}" for name, value in results["settings"].items()) or "none"
    sentences = [
        f"{machine['cores']} cores of an {machine['processor']}, Python {machine['python']}, torch {machine['torch']}, "
        f"diffusers {machine['diffusers']}, {peers}; {', '.join(days)}.",
        *_bare_loop([arm for arm in results["arms"].values() if "sizes" in arm]),
        f"Overload is {OVERLOAD} times what the bare loop can do. Set in the worker's environment: {settings}.",
    ]
    return " ".join(sentences)


def _bare_loop(measured: Sequence[Mapping[str, Any]]) -> list[str]:
    """How quick it was, and how steady; nothing where nothing was measured."""
    if not measured:
        return []
    paces = {size: [arm["sizes"][str(size)]["uniform"]["bare_images_per_second"] for arm in measured] for size in SIZES}
    pace = " and ".join(f"{statistics.median(each):.2f} at {size}²" for size, each in paces.items())
    cells = [load for arm in measured for size in arm["sizes"].values() for load in size.values()]
    drift = max(abs(load["bare_drift"] - 1) for load in cells if "bare_drift" in load)
    return [
        f"The bare loop draws {pace} images/s of 20 steps; from just before to just after a load its own pace changed "
        f"by {100 * drift:.0f} % at the most."
    ]


def _number(value: float | None, *, failed: int = 0) -> str:
    text = "–" if value is None else f"{value:.2f}"
    return f"{text} ({failed} failed)" if failed else text
