"""The plugin benchmark's tables: hosts beside each other, whatever is missing, and where they are pasted."""

from pathlib import Path
from typing import Any

import pytest

from bench import pages
from bench.plugins import filtering, results, table

SPREAD = {"count": 9, "p50": 4.0, "p95": 9.0, "most": 12.0}


def asked(round_trip: float) -> dict[str, Any]:
    page = {"1": SPREAD, "8": SPREAD}
    queued = {"tasks": 100, "submit": SPREAD, "sent_seconds": 1.0, "seconds": 5.0, "a_second": 20.0}
    trips = {**SPREAD, "p50": round_trip}
    return {"requests": 200, "listing": page, "form": page, "round_trip": trips, "queued": queued, "day": "2026-01-31"}


def everything(*, peak: float = 95.0) -> dict[str, Any]:
    """What a file holds after a whole run beside another host."""
    ours = {
        **asked(120.0),
        "streams": {"streams": 500, "opened_seconds": 2.0, "megabytes": 30.0, "cpu_percent": 1.5, "delay": SPREAD},
        "filter": {
            "megabytes": 1000.2, "rows": 8_000_000, "seconds": 60.0, "result_megabytes": 100.0,
            "idle_peak_megabytes": 80.0, "worker_peak_megabytes": peak, "host_peak_megabytes": 110.0,
        },
    }  # fmt: skip
    machine = {"cores": 2, "processor": "Chip", "python": "3.11"}
    return {"machine": machine, "hosts": {results.OURS: ours, "another": asked(1500.0)}}


def test_hosts_stand_beside_each_other() -> None:
    text = table.markdown(everything())

    assert "| ms unless said | Daydream | another |" in text
    assert "| from form to result: p50 | 120 | 1500 |" in text


@pytest.mark.parametrize(("peak", "word"), [(200.0, "met"), (200.5, "missed")])
def test_the_goal_of_the_file_is_met_up_to_its_bound(peak: float, word: str) -> None:
    text = table.markdown(everything(peak=peak))

    assert f"MB | {word} |" in text


def test_a_part_that_is_missing_is_said_to_be() -> None:
    found = everything()
    del found["hosts"][results.OURS]["filter"], found["hosts"][results.OURS]["streams"]
    del found["hosts"]["another"]["queued"]

    text = table.markdown(found)

    assert "| tasks/s | 20 | not measured |" in text
    assert "Idle event streams: not measured." in text
    assert "| not measured |  |" in text


def test_without_figures_it_says_how_to_make_them(tmp_path: Path) -> None:
    text = table.markdown(results.read(tmp_path / "none.json"))

    assert text == "Not measured yet: `python -m bench.plugins run` makes the figures."


def test_a_run_of_one_part_keeps_the_others(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    results.write(file, everything()["hosts"])

    results.write(file, {results.OURS: {"filter": {"megabytes": 50}}})

    found = results.read(file)["hosts"]
    assert found[results.OURS]["filter"] == {"megabytes": 50}
    assert found[results.OURS]["streams"]["streams"] == 500
    assert "another" in found


def test_the_page_has_a_place_for_the_tables(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(pages.PERFORMANCE.read_text())

    table.paste("the tables", page)

    assert f"{table.BEGIN}\n\nthe tables\n\n{table.END}" in page.read_text()


def test_the_file_is_as_large_and_has_as_many_rows_as_said(tmp_path: Path) -> None:
    file = tmp_path / "entities.csv"

    rows = filtering.write(file, megabytes=3)

    lines = file.read_text().splitlines()
    assert file.stat().st_size >= 3_000_000
    assert len(lines) == rows + 1
    assert lines[-1].startswith(f'"{rows - 1}",')
