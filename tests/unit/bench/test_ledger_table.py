"""The ledger benchmark's tables: what the figures become, whatever is missing, and where they are pasted."""

from pathlib import Path
from typing import Any

import pytest

from bench import pages
from bench.ledger import environments, table
from bench.ledger.goals import GOALS, number

SPREAD = {"count": 9, "p50": 4.0, "p99": 9.0, "most": 12.0}
KILLED = {"count": 3, "median": 10.0, "most": 12.5}


def submits(database: str, *, p99: float = 45.0, failed: int = 0) -> dict[str, Any]:
    load = {**SPREAD, "seconds": 20.0, "failed": 0, "failures": [], "queue_at_most": 3, "begun_a_second": 99.0}
    return {"database": database, "rate": 100.0, "waiting": load, "drawing": {**load, "p99": p99, "failed": failed}}


def queue(title: str, beside: float) -> dict[str, Any]:
    load = {"start": SPREAD, "submit": SPREAD, "beside": beside}
    rate = {"a_second": 200.0, "beside": beside}
    return {"title": title, "alone": load, "together": load, "submits_alone": rate, "submits_together": rate}


def everything() -> dict[str, Any]:
    """What a file holds after a whole run."""
    others = {"resolve": SPREAD, "submit": SPREAD}
    parts: dict[str, Any] = {
        "submits_postgres": submits("postgresql", p99=61.0),
        "submits_sqlite": submits("sqlite", failed=2),
        "claims": {
            "dispatchers": 8, "paced": {"rate": 40.0, **SPREAD}, "at_once": {**SPREAD, "claims_a_second": 700.0},
            "claimed_twice": 0, "left_over": 0,
        },
        "streams": {
            "streams": 2000, "opened_seconds": 9.0, "gateway_megabytes": 70.0, "ledger_megabytes": 30.0,
            "gateway_cpu_percent": 20.0, "ledger_cpu_percent": 30.0, "steps_a_second": 990.0, "events_a_second": 980.0,
            "step_delay": SPREAD, "steps_unheard": 0, "freed_seconds": 0.5,
        },
        "requeues": {"worker_killed": KILLED, "worker_stopped": {**KILLED, "most": 30.0}, "dispatcher_killed": KILLED},
        "failover": {"acknowledged": 100, "longest_silence_seconds": 6.5, "lost": 0},
        "starts": {
            "rounds": 4, "slots": 8,
            "queues": {
                "daydream": queue("Daydream", 1.0), "celery": queue("Celery", 5.0), "rq": queue("RQ", 2.0),
            },
        },
        "logins": {
            "callers": 100, "sign_ins_a_second": 50.0, "refused_a_second": 20.0, "quiet": others, "during": others,
        },
    }  # fmt: skip
    return {
        "machine": {"cores": 2, "processor": "Chip", "python": "3.11"},
        "peers": {"rq": "2"},
        "parts": {name: {"day": "2026-01-31", **part} for name, part in parts.items()},
    }


def row(text: str, begin: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {begin}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_before_the_first_run_the_page_says_so() -> None:
    assert "Not measured yet" in table.markdown({"parts": {}})


def test_every_goal_stands_beside_its_figure_and_is_met_or_missed() -> None:
    text = table.markdown(everything())

    assert row(text, "submits at 100/s, PostgreSQL, drawn as they come: p99")[1:] == ["≤ 50 ms", "61 ms", "missed"]
    assert row(text, "submits at 50/s, SQLite, drawn as they come: failed")[1:] == ["≤ 0", "2", "missed"]
    assert row(text, "submits at 100/s, PostgreSQL, none drawn meanwhile: p99")[1:] == ["≤ 50 ms", "9 ms", "met"]
    assert row(text, "tasks claimed twice")[1:] == ["≤ 0", "0", "met"]
    assert row(text, "task of a worker that stopped answering")[1:] == ["≤ 20 s", "30 s", "missed"]
    assert "not measured" not in text


def test_other_queues_stand_beside_ours_with_ratios() -> None:
    text = table.markdown(everything())

    assert row(text, "Celery")[3] == "5.00×"
    assert len(row(text, "RQ")) == len(row(text, "queue"))


def test_a_part_that_could_not_be_measured_says_why_and_meets_nothing() -> None:
    found = everything()
    found["parts"]["failover"] = {"day": "2026-01-31", "missing": "no server"}
    del found["parts"]["claims"]

    text = table.markdown(found)

    assert "`failover` is missing: no server." in text
    rows = [goal.row(found["parts"]) for goal in GOALS if goal.part in {"failover", "claims"}]
    assert {cells[2] for cells in rows} == {"not measured"}
    assert {cells[3] for cells in rows} == {""}


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0"), (0.123, "0.12"), (12.34, "12.3"), (1234.5, "1234"), (20.0, "20")]
)
def test_numbers_have_as_many_figures_as_count(value: float | None, text: str) -> None:
    assert number(value) == text


def test_tables_are_pasted_between_the_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n\n{table.BEGIN}\n\nold\n\n{table.END}\n\nafter\n")

    table.paste("new", page)

    assert page.read_text() == f"before\n\n{table.BEGIN}\n\nnew\n\n{table.END}\n\nafter\n"


def test_the_page_in_the_repository_has_the_marks() -> None:
    text = pages.PERFORMANCE.read_text()

    assert text.index(table.BEGIN) < text.index(table.END)


def test_every_pin_is_exact_and_every_peer_has_one() -> None:
    lines = (environments.REQUIREMENTS / f"{environments.NAME}.txt").read_text().splitlines()

    assert all("==" in line for line in lines if not line.startswith("#"))
    assert set(environments.versions()) == set(environments.PEERS)
