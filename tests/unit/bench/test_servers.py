"""The peers: pinned, each with its environment, and a missing one says so."""

from pathlib import Path

import pytest

from bench.engine import environments, table
from bench.engine.__main__ import ARMS
from bench.engine.arms import Unavailable
from bench.engine.loads import Job
from bench.engine.servers import RECIPES, Peer, Recipe


def test_every_peer_has_its_pins_and_every_pin_file_its_peer() -> None:
    assert sorted(recipe.name for recipe in RECIPES) == environments.names()


@pytest.mark.parametrize("name", environments.names())
def test_every_line_of_a_pin_file_is_a_pin(name: str) -> None:
    lines = (environments.REQUIREMENTS / f"{name}.txt").read_text().splitlines()

    assert [line for line in lines if not line.startswith("#") and "==" not in line] == []


def test_the_record_names_the_version_of_every_peer() -> None:
    assert set(environments.versions()) == set(environments.names())


def test_the_table_has_a_row_for_every_arm_that_can_be_asked_for() -> None:
    assert set(table.ORDER) == set(ARMS)


def test_a_peer_that_is_not_installed_is_unavailable_and_starts_nothing(tmp_path: Path) -> None:
    peer = Peer(Recipe(name="nobody", title="Nobody", commands=lambda port, folder: [["false"]]))

    with pytest.raises(Unavailable, match="not installed"):
        peer.start(tmp_path)
    peer.stop()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_question_carries_everything_that_a_job_says(recipe: Recipe) -> None:
    job = Job(prompt="a star", steps=4, seed=3, size=64)

    asked = recipe.question(job)

    (fields,) = asked.get("jobs", [asked])
    assert Job(**fields) == job
