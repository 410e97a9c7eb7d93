"""Whenever the power is cut, an image or upload that a row speaks of is there, and none is there by half.

Shown on the record of what the service really does to files, in a process whose `os` tells (`tests/support/power.py`).
"""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.support.power import Act, violations

ROOT = Path(__file__).parents[3]
Record = tuple[Sequence[Act], str, dict[str, bytes]]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """What keeping two images and an upload did to files, the folder, and what each file holds in the end."""
    folder = tmp_path_factory.mktemp("data")
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.power_scenario", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    acts = [Act(**{**each, "data": base64.b64decode(each["data"])}) for each in json.loads(done.stdout)]
    whole = {str(path): path.read_bytes() for path in folder.rglob("*.*")}
    return acts, str(folder), whole


def test_no_power_cut_costs_a_file_that_a_row_speaks_of_or_leaves_one_by_half(record: Record) -> None:
    acts, folder, whole = record

    found = list(violations(acts, folder, whole))

    assert found == []
    assert len([act for act in acts if act.do == "row"]) == 3
    assert len(whole) == 7  # two images with two thumbnails each, and the upload


def without(*kinds: str) -> Callable[[Sequence[Act]], list[Act]]:
    """The record of a service that leaves these out."""
    return lambda acts: [act for act in acts if act.do not in kinds]


def written_in_place(acts: Sequence[Act]) -> list[Act]:
    """The record of a service that writes files under their last name at once."""
    return [Act(do=act.do, path=act.path.removesuffix(".part"), data=act.data) for act in acts if act.do != "rename"]


@pytest.mark.parametrize(
    ("careless", "what"),
    [
        (without("sync file"), "by half"),
        (without("sync folder"), "gone"),
        (written_in_place, "by half"),
    ],
    ids=["files are not synced", "folders are not synced", "files are written in place"],
)
def test_a_service_that_took_less_care_would_be_found_out(
    record: Record, careless: Callable[[Sequence[Act]], list[Act]], what: str
) -> None:
    acts, folder, whole = record
    first = acts[: 1 + next(number for number, act in enumerate(acts) if act.do == "row")]

    found = list(violations(careless(first), folder, whole))

    assert any(what in each for each in found)


def test_a_folder_that_is_not_synced_after_it_was_made_would_be_found_out(record: Record) -> None:
    acts, folder, whole = record
    first = next(act for act in acts if act.do == "sync folder")

    found = list(violations([act for act in acts if act is not first], folder, whole))

    assert any("gone" in each for each in found)
