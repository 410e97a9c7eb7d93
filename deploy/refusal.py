"""Why Daydream cannot be started, in a sentence."""

from pathlib import Path


class CannotRun(Exception):
    """Its text is the sentence that is printed."""


def last_line(text: str) -> str:
    """The line a program that gave up said last."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def last_log_line(path: Path) -> str:
    """The same, of a log file."""
    return last_line(path.read_text(errors="replace") if path.exists() else "")
