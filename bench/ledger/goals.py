"""What the ledger is meant to reach, and whether the figures say that it does."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Parts = Mapping[str, Any]
"""The results' parts, by name."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One figure with its bound."""

    words: str
    """What the figure is."""
    bound: float
    """What it is not to exceed."""
    unit: str
    """For both; empty for a plain number."""
    part: str
    """Which part has it."""
    figure: Callable[[Mapping[str, Any]], float | None]
    """The figure, of the part's results; None where there is none."""

    def row(self, parts: Parts) -> list[str]:
        """The words, the bound, the figure, and whether it keeps to it."""
        part = parts.get(self.part, {"missing": ""})
        found = None if "missing" in part else self.figure(part)
        unit = f" {self.unit}" if self.unit else ""
        if found is None:
            return [self.words, f"≤ {self.bound:g}{unit}", "not measured", ""]
        met = "met" if found <= self.bound else "missed"
        return [self.words, f"≤ {self.bound:g}{unit}", f"{number(found)}{unit}", met]


def number(value: float | None) -> str:
    """Three figures that count, no more decimals than two."""
    if value is None:
        return "–"
    size = abs(value)
    return f"{value:.0f}" if size >= 100 or value == int(value) else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _submits(part: str, words: str) -> Iterator[Goal]:
    for load, meanwhile in (("waiting", "none drawn meanwhile"), ("drawing", "drawn as they come")):

        def of(name: str, load: str = load) -> Callable[[Mapping[str, Any]], float | None]:
            def figure(found: Mapping[str, Any]) -> float | None:
                value: float | None = found[load][name]
                return value

            return figure

        said = f"submits at {words}, {meanwhile}"
        yield Goal(words=f"{said}: p99", bound=50, unit="ms", part=part, figure=of("p99"))
        yield Goal(words=f"{said}: failed", bound=0, unit="", part=part, figure=of("failed"))


GOALS: Final = (
    *_submits("submits_postgres", "100/s, PostgreSQL"),
    *_submits("submits_sqlite", "50/s, SQLite"),
    Goal(
        words="8 dispatchers, 5 claims/s each: p99", bound=10, unit="ms", part="claims",
        figure=lambda found: found["paced"]["p99"],
    ),
    Goal(
        words="tasks claimed twice, or never", bound=0, unit="", part="claims",
        figure=lambda found: found["claimed_twice"] + found["left_over"],
    ),
    Goal(
        words="memory of 2,000 idle streams, gateway", bound=150, unit="MB", part="streams",
        figure=lambda found: found["gateway_megabytes"],
    ),
    Goal(
        words="step to client at 1,000 steps/s: p99", bound=250, unit="ms", part="streams",
        figure=lambda found: found["step_delay"]["p99"],
    ),
    Goal(
        words="task of a killed worker waits again, slowest", bound=20, unit="s", part="requeues",
        figure=lambda found: found["worker_killed"]["most"],
    ),
    Goal(
        words="task of a worker that stopped answering waits again, slowest", bound=20, unit="s", part="requeues",
        figure=lambda found: found["worker_stopped"]["most"],
    ),
    Goal(
        words="task of a killed dispatcher waits again, slowest", bound=20, unit="s", part="requeues",
        figure=lambda found: found["dispatcher_killed"]["most"],
    ),
    Goal(
        words="NATS leader killed: longest silence", bound=10, unit="s", part="failover",
        figure=lambda found: found["longest_silence_seconds"],
    ),
    Goal(words="acknowledged events lost by it", bound=0, unit="", part="failover", figure=lambda found: found["lost"]),
    Goal(
        words="others' sessions during a flood of sign-ins: p99", bound=200, unit="ms", part="logins",
        figure=lambda found: found["during"]["resolve"]["p99"],
    ),
    Goal(
        words="others' submits during it: p99", bound=200, unit="ms", part="logins",
        figure=lambda found: found["during"]["submit"]["p99"],
    ),
)  # fmt: skip
