"""docs/seed-features.md names, for each line of the user's list, the test that shows it. Those tests are there."""

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "seed-features.md"
ROW: Final = re.compile(r"^\| (?P<line>[^|]+) \| (?P<where>[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def _tests_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_line_names_a_test_and_every_test_is_there() -> None:
    rows = [
        match for match in ROW.finditer(PAGE.read_text(encoding="utf-8")) if not match["line"].startswith(("-", "his"))
    ]

    unshown = [row["line"] for row in rows if not TEST.search(row["tests"])]
    named = {found.groups() for row in rows for found in TEST.finditer(row["tests"])}
    missing = [f"{path}::{name}" for path, name in sorted(named) if name not in _tests_of(ROOT / path)]

    assert len(rows) > 60
    assert unshown == []
    assert missing == []
