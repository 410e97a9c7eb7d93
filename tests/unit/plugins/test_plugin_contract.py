"""docs/plugin-contract.md names, for each statement of the contract, the test that shows it. Those tests are there."""

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "plugin-contract.md").read_text(encoding="utf-8")
ROW: Final = re.compile(r"^\| (?P<first>[^|]+) \|.* \| (?P<tests>[^|]+) \|$", re.MULTILINE)
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
HEADS: Final = ("the contract says", "fact", "row")


def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def _rows() -> list[tuple[str, str]]:
    return [(row["first"], row["tests"]) for row in ROW.finditer(PAGE) if row["first"] not in HEADS]


def test_every_statement_names_a_test_and_every_test_is_there() -> None:
    named = {found.groups() for _, tests in _rows() for found in TEST.finditer(tests)}

    unshown = [first for first, tests in _rows() if not TEST.search(tests)]
    missing = [f"{path}::{name}" for path, name in sorted(named) if name not in _tests_of(ROOT / path)]

    assert len(_rows()) > 100
    assert unshown == []
    assert missing == []


def test_every_row_of_the_catalogue_that_concerns_plugins_is_there_once() -> None:
    rows = [int(first) for first, _ in _rows() if first.isdigit()]

    assert rows == list(range(79, 107))
