"""Pictures on disk: which name each gets, and never half a file."""

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cli.errors import Failure, WrongUse


def check(out: Path | None) -> None:
    """Refuse a place that cannot take a file, before anything is spent. Raises WrongUse."""
    if out is None:
        return
    if out.is_dir() or not out.name:
        raise WrongUse(f"{out} is a folder; name a file.")
    if not out.parent.is_dir():
        raise WrongUse(f"There is no folder {out.parent}.")
    if not os.access(out.parent, os.W_OK):
        raise WrongUse(f"{out.parent} cannot be written to.")


def read(path: Path) -> bytes:
    """A file's bytes. Raises WrongUse."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from error


def names(out: Path | None, seeds: list[int]) -> list[Path]:
    """Where each picture goes: the file named, numbered when there are several; else `daydream-SEED.png`.

    A file that was named is replaced; one that was not never costs an older picture its place.
    """
    if out is not None:
        if len(seeds) == 1:
            return [out]
        return [out.with_name(f"{out.stem}-{number}{out.suffix}") for number in range(1, len(seeds) + 1)]
    return [_free(Path(f"daydream-{seed}.png")) for seed in seeds]


def _free(path: Path) -> Path:
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return free


def write(path: Path, pieces: Iterable[bytes]) -> None:
    """Write aside, then rename: a break leaves the old file or none. Raises Failure."""
    try:
        descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in pieces:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes files that nobody else may read; a picture is an ordinary file.
            os.chmod(aside, 0o666 & ~_umask())
            os.replace(aside, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(aside)
            raise
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
