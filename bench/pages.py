"""What a benchmark says: lines for whoever waits, tables for the terminal or for a page of the documentation."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

PERFORMANCE: Final = Path(__file__).parents[1] / "docs" / "performance.md"


def paste(text: str, page: Path, *, begin: str, end: str) -> None:
    """Put the text between the page's two marks. Raises ValueError where it has none."""
    before, found_begin, rest = page.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"{page} has no marks to write between")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")


def lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table whose first column is words and whose others are figures."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def say(line: str) -> None:
    """A line for whoever waits, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def tell(text: str, put: Callable[[str], None], *, write: bool) -> int:
    """Print the tables, or `put` them into their page; the command's exit code."""
    if write:
        put(text)
    else:
        say(text)
    return 0
