"""The tables: what the figures become, whoever is missing, and where they are pasted."""

from pathlib import Path
from typing import Any

import pytest

from bench.engine import table
from bench.engine.goals import GOALS


def arm(
    title: str, *, speed: float = 1.0, short_p99: float = 10.0, ratio: float = 1.0, failed: int = 0
) -> dict[str, Any]:
    load = {
        "images": 8, "failed": failed, "speed": speed, "bare_seconds": {"4": 0.1, "50": 1.0}, "bare_drift": 1.02,
        "short_p50": 0.5, "short_p99": short_p99, "long_p50": 3.0, "first_p50": 0.1, "first_p99": 0.2, "tick": 0.1,
        "first_ticks": 1.0, "bare_images_per_second": 4.0,
    }  # fmt: skip
    one = {
        "images": 2,
        "failed": 0,
        "ratio": ratio,
        "first_p50": 0.1,
        "first_p99": 0.2,
        "tick": 0.1,
        "first_ticks": 3.0,
    }
    cells = {"uniform": load, "mixed": load, "overloaded": load, "one": one}
    return {"title": title, "day": "2026-01-31", "sizes": {"64": cells, "128": cells}}


def results(**arms: dict[str, Any]) -> dict[str, Any]:
    """What a file holds."""
    machine = {"cores": 2, "processor": "Chip", "python": "3.11", "torch": "2", "diffusers": "0"}
    return {"machine": machine, "peers": {"ray": "2"}, "settings": {}, "arms": arms}


def ours(**figures: Any) -> dict[str, Any]:
    """The worker's, which has more to tell."""
    answers = {f"answer_{when}_ms": {"p50": 0.7, "p99": 2.0} for when in ("idle", "busy")}
    return {**arm("Daydream's worker", **figures), **answers, "slots": 8}


def row(text: str, begin: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {begin}"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_before_the_first_run_the_page_says_so() -> None:
    assert "Not measured yet" in table.markdown({"arms": {}})


def test_a_peer_that_could_not_take_part_says_why_in_its_row() -> None:
    text = table.markdown(results(bare=arm("bare"), ray={"title": "Ray Serve", "missing": "not installed", "day": ""}))

    assert row(text, "Ray Serve")[1] == "not installed"
    assert len(row(text, "Ray Serve")) == len(row(text, "arm"))


def test_failures_stand_beside_the_figure_they_spoil() -> None:
    text = table.markdown(results(flask=arm("Flask", speed=0.9, failed=3)))

    assert row(text, "Flask")[1] == "0.90 (3 failed)"


def test_goals_compare_with_the_bare_loop_and_with_the_best_that_batches() -> None:
    found = results(
        bare=arm("bare", short_p99=12.0), static=arm("static", speed=1.5), flask=arm("Flask", speed=9.0),
        litserve=arm("LitServe", speed=2.0), daydream=ours(speed=3.0, short_p99=1.0, ratio=1.10),
    )  # fmt: skip

    rows = {goal.words: goal.row(found["arms"])[2] for goal in GOALS}

    assert rows["short p99 under overload: one at a time beside ours"] == "12.00, met"
    assert rows["mixed images/s beside the best that batches requests"] == "1.50, met"
    assert rows["one client's seconds beside the bare loop's"] == "1.10, missed"
    assert rows["first step p50 with one client, ticks"] == "3.00, missed"


def test_a_goal_without_its_figure_is_not_said_to_be_met() -> None:
    rows = [goal.row({"daydream": ours()}) for goal in GOALS]

    assert ["not measured" in cells for cells in rows] == [True, False, False, False, True, True]


def test_tables_are_pasted_between_the_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n\n{table.BEGIN}\n\nold\n\n{table.END}\n\nafter\n")

    table.paste("new", page)
    table.paste("newer", page)

    assert page.read_text() == f"before\n\n{table.BEGIN}\n\nnewer\n\n{table.END}\n\nafter\n"


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("nothing here\n")

    with pytest.raises(ValueError, match="no marks"):
        table.paste("new", page)

    assert page.read_text() == "nothing here\n"


def test_the_page_in_the_repository_has_the_marks() -> None:
    text = table.PAGE.read_text()

    assert text.index(table.BEGIN) < text.index(table.END)
