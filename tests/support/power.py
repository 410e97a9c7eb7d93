"""What a power cut may leave of files: a record of what a process did to them, and every state it could leave on disk.

The record holds what matters to a disk, in order: folders made, files begun, renamed, removed, and what was synced. A
file's bytes are safe once the file is synced, its name once its folder is. Whatever was not synced may be lost or kept,
each thing by itself, which is the worst that a file system may do.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

TORN: Final = b"\x00 torn \x00"
"""Stands for bytes that were never synced: they may be there in part, or not at all."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that was done."""

    do: Literal["make", "begin", "rename", "remove", "sync file", "sync folder", "row"]
    """`row`: from here on, something durable speaks of the file."""
    path: str
    """To what."""
    to: str = ""
    """A rename's new name."""
    data: bytes = b""
    """What the file held when it was synced."""


class Recorder:
    """Writes down what is done below a folder, while it stands in for the functions of `os` that do it."""

    def __init__(self, folder: Path) -> None:
        """Nothing is recorded yet."""
        self._folder = folder
        self.acts: list[Act] = []

    def stand_in(self) -> None:
        """Record from now on, in this process and for good: for processes that do nothing else."""
        for name, kind in (("mkdir", "make"), ("replace", "rename"), ("unlink", "remove")):
            setattr(os, name, self._recorded(kind, getattr(os, name)))
        real_fsync = os.fsync

        def fsync(number: Any) -> None:
            real_fsync(number)
            path = Path(os.readlink(f"/proc/self/fd/{number}"))
            folder = path.is_dir()
            self._note("sync folder" if folder else "sync file", path, data=b"" if folder else path.read_bytes())

        os.fsync = fsync  # type: ignore[assignment]

    def begun(self, event: str, arguments: Sequence[Any]) -> None:
        """For `sys.addaudithook`: tells of files that are opened to be written."""
        if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wxa"):
            self._note("begin", Path(str(arguments[0])))

    def row(self, path: str) -> None:
        """From here on a row speaks of the file."""
        self._note("row", self._folder / path)

    def _recorded(self, kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def act(path: Any, *others: Any, **more: Any) -> Any:
            result = real(path, *others, **more)
            self._note(kind, Path(str(path)), to=Path(str(others[0])) if kind == "rename" else None)
            return result

        return act

    def _note(self, kind: Any, path: Path, *, to: Path | None = None, data: bytes = b"") -> None:
        if path == self._folder or self._folder in path.parents:
            self.acts.append(Act(do=kind, path=str(path), to="" if to is None else str(to), data=data))


Names = Mapping[str, int]


class Disk:
    """What is safe on a disk, and what is on its way there."""

    def __init__(self, folder: str) -> None:
        """The folder itself is safe."""
        self._bytes: dict[int, bytes] = {}
        self._numbers = itertools.count(1)
        self._safe: dict[str, int] = {folder: 0}
        self._now: dict[str, int] = {folder: 0}
        self._waiting: list[tuple[str, Callable[[dict[str, int]], None]]] = []
        self.rows: set[str] = set()

    def take(self, act: Act) -> None:
        """What an act does."""
        if act.do in ("make", "begin"):
            number = self._now.get(act.path, 0) if act.do == "begin" else 0
            if not number:
                number = next(self._numbers)
                self._change(act.path, lambda names: names.__setitem__(act.path, number))
            self._bytes[number] = TORN
        elif act.do == "rename":
            number = self._now[act.path]

            def rename(names: dict[str, int]) -> None:
                names.pop(act.path, None)
                names[act.to] = number

            self._change(act.path, rename)
        elif act.do == "remove":
            self._change(act.path, lambda names: dict.__delitem__(names, act.path) if act.path in names else None)
        elif act.do == "sync file":
            self._bytes[self._now[act.path]] = act.data
        elif act.do == "sync folder":
            for folder, change in self._waiting:
                if folder == act.path:
                    change(self._safe)
            self._waiting = [each for each in self._waiting if each[0] != act.path]
        else:
            self.rows.add(act.path)

    def _change(self, path: str, change: Callable[[dict[str, int]], None]) -> None:
        change(self._now)
        self._waiting.append((os.path.dirname(path), change))

    def left(self) -> Iterator[Mapping[str, bytes]]:
        """Every state a power cut may leave: the files that can be reached, and their bytes."""
        for kept in itertools.product((False, True), repeat=len(self._waiting)):
            names = dict(self._safe)
            for keep, (_, change) in zip(kept, self._waiting, strict=True):
                if keep:
                    change(names)
            yield {
                path: self._bytes[number]
                for path, number in names.items()
                if number and all(str(parent) in names for parent in Path(path).parents if str(parent) in self._now)
            }


def violations(acts: Sequence[Act], folder: str, whole: Mapping[str, bytes]) -> Iterator[str]:
    """What goes wrong when the power is cut after any of the acts. `whole` is what each file should hold."""
    disk = Disk(folder)
    for number, act in enumerate(acts):
        disk.take(act)
        for files in disk.left():
            for path in disk.rows:
                if path not in files:
                    yield f"after {number} ({act.do}): a row speaks of {path}, which is gone"
            for path, data in files.items():
                if path in whole and data != whole[path]:
                    yield f"after {number} ({act.do}): {path} is there by half"
