"""What is known of drawings outside of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Part:
    """One task of the ledger, asked for or to be asked for."""

    number: int
    """Counts from 0."""
    parameters: Mapping[str, Any]
    """Fields of the ledger's Parameters by their names."""
    asked: bool
    """The ledger may know of it."""
    ledger_task: str | None
    """The ledger's id, once it has answered."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A drawing that this process follows, as it was when it was taken."""

    task_id: int
    """The processing task's number."""
    reference: str
    """The processing task's public id."""
    delegation: str
    """auth's id of the right to draw in its owner's name."""
    stage: str
    """One of `models.Stage`."""
    upload: str | None
    """The ledger's id of the picture it begins from, once uploaded."""
    start_file: int | None
    """The file with that picture, once fetched."""
    listed: bool
    """Whether a file of entities is put out as well."""
    parts: Sequence[Part] = field(repr=False)
    """In their order, one at least."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What others may have changed about a drawing that this process follows."""

    stage: str
    """One of `models.Stage`."""
    start_file: int | None
    """The file with the picture it begins from, once fetched."""
    news: int
    """Grows with every event that came of it."""
    over: bool
    """The processing task has ended, or is gone."""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A picture that was fetched from the ledger."""

    file: Path
    """Its bytes, on this machine, for as long as it takes to store them."""
    prompt: str
    """What it shows."""
    seed: int
    """Its real seed."""


class CannotGoOn(Exception):
    """The drawing comes to a bad end; the text is the sentence that its owner reads."""
