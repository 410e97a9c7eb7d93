"""Where files are kept: a folder of this machine, or object storage behind an fsspec URL.

Knows nothing of what is in them. Every call blocks, so callers run them in threads. What a place fails with is an
OSError, whoever runs the place.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

PART: Final = ".part"
"""Ends the name of a file that is being written."""
READ_AHEAD_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file that somebody else put there."""

    path: str
    """Where, below the place."""
    bytes: int
    """Its size."""
    stamp: str
    """Another one means that the file has changed."""


class Storage(Protocol):
    """Files by their paths, `a/b/c`, below one place."""

    def write(self, path: str, data: bytes) -> None:
        """Keep a file so that it survives a power cut once this returns, and is never there by half."""
        ...

    def open(self, path: str) -> BinaryIO:
        """The file, for reading from its beginning. Raises FileNotFoundError."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; one that is gone already is no error."""
        ...

    def files(self, depth: int) -> Iterator[tuple[str, float]]:
        """Every file whose path has so many parts, and when it was written, in seconds since 1970."""
        ...

    def listed(self, folder: str) -> Iterator[Listed]:
        """Every file in a folder that others write to, however deep; none when there is no such folder."""
        ...

    def take(self, listed: Listed) -> bytes:
        """A file that was listed. Raises FileNotFoundError when it is gone or another by now."""
        ...


class Folder:
    """A folder, written to in the order that no power cut spoils: aside, synced, renamed, the folder synced.

    fsspec's own local files are neither synced nor is their folder, which is why this is not one of them.
    """

    def __init__(self, folder: Path) -> None:
        """The folder is made when the first file comes."""
        self._folder = folder

    def write(self, path: str, data: bytes) -> None:
        """Keep a file."""
        target = self._folder / path
        for folder in _missing(target.parent):
            folder.mkdir(exist_ok=True)
            _sync_folder(folder.parent)
        aside = target.with_name(f"{target.name}{PART}")
        try:
            with aside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(target)
        except OSError:
            # On a full disk every half file that stays is room that the next whole one lacks.
            aside.unlink(missing_ok=True)
            raise
        # Without this the name, unlike the bytes, could be lost in a power cut.
        _sync_folder(target.parent)

    def open(self, path: str) -> BinaryIO:
        """The file. Raises FileNotFoundError."""
        return (self._folder / path).open("rb")

    def remove(self, path: str) -> None:
        """Remove a file."""
        with contextlib.suppress(FileNotFoundError):
            (self._folder / path).unlink()

    def files(self, depth: int) -> Iterator[tuple[str, float]]:
        """Plain files at a depth; links and folders are not ours to touch."""
        for path in self._folder.glob("/".join(depth * "*")):
            # A file may be renamed or removed while the walk goes on.
            with contextlib.suppress(FileNotFoundError):
                about = path.lstat()
                if stat.S_ISREG(about.st_mode):
                    yield path.relative_to(self._folder).as_posix(), about.st_mtime

    def listed(self, folder: str) -> Iterator[Listed]:
        """Plain files. No link in the folder is followed: whoever may write there is not to reach what lies outside."""
        top = self._folder / folder
        for parent, _, names in os.walk(top, onerror=_unless_missing):
            for name in names:
                path = Path(parent, name)
                with contextlib.suppress(FileNotFoundError):
                    about = path.lstat()
                    if stat.S_ISREG(about.st_mode):
                        below = path.relative_to(self._folder).as_posix()
                        yield Listed(path=below, bytes=about.st_size, stamp=_stamp(about))

    def take(self, listed: Listed) -> bytes:
        """The file, if it is what was listed: a link, a folder or a pipe may have taken its place."""
        top, *parts = Path(listed.path).parts
        held = os.open(self._folder / top, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts:
                # Step by step, so that no part of the way can be made a link between a look and an open.
                inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=held)
                os.close(held)
                held = inner
            about = os.fstat(held)
            if not stat.S_ISREG(about.st_mode) or _stamp(about) != listed.stamp:
                raise FileNotFoundError(listed.path)
            with open(held, "rb", closefd=False) as file:
                return file.read(listed.bytes)
        finally:
            os.close(held)


class Bucket:
    """Object storage. A file there is written whole or not at all, and safe once the store has acknowledged it."""

    def __init__(self, url: str) -> None:
        """`url` as fsspec reads it, `s3://bucket/prefix`; connects when it is first used."""
        self._url = url
        self._opened: tuple[Any, str] | None = None

    def write(self, path: str, data: bytes) -> None:
        """Keep a file."""
        with _translated():
            files, root = self._files()
            files.pipe_file(f"{root}/{path}", data)

    def open(self, path: str) -> BinaryIO:
        """The file, read in pieces. Raises FileNotFoundError."""
        with _translated():
            files, root = self._files()
            opened: BinaryIO = files.open(f"{root}/{path}", "rb", block_size=READ_AHEAD_BYTES, cache_type="readahead")
            return opened

    def remove(self, path: str) -> None:
        """Remove a file."""
        with _translated(), contextlib.suppress(FileNotFoundError):
            files, root = self._files()
            files.rm_file(f"{root}/{path}")

    def files(self, depth: int) -> Iterator[tuple[str, float]]:
        """Files at a depth, listed one top folder at a time: a bucket may hold more than memory does."""
        with _translated():
            files, root = self._files()
            try:
                tops = files.ls(root, detail=False)
            except FileNotFoundError:
                return
            for top in tops:
                for name, about in files.find(top, detail=True).items():
                    path = name.removeprefix(f"{root}/")
                    if path.count("/") == depth - 1:
                        yield path, about["LastModified"].timestamp()

    def listed(self, folder: str) -> Iterator[Listed]:
        """Files whose names begin with the folder's."""
        with _translated():
            files, root = self._files()
            for name, about in files.find(f"{root}/{folder}/", detail=True).items():
                yield Listed(path=name.removeprefix(f"{root}/"), bytes=about["size"], stamp=about["ETag"].strip('"'))

    def take(self, listed: Listed) -> bytes:
        """The file, if it is what was listed."""
        if not listed.bytes:
            # A store has no piece of nothing to give.
            return b""
        with _translated():
            files, root = self._files()
            data: bytes = files.cat_file(f"{root}/{listed.path}", start=0, end=listed.bytes)
            if files.info(f"{root}/{listed.path}")["ETag"].strip('"') != listed.stamp:
                raise FileNotFoundError(listed.path)
            return data

    def _files(self) -> tuple[Any, str]:
        if self._opened is None:
            # Imported here: whoever keeps images in a folder needs neither fsspec nor what speaks S3.
            import fsspec  # noqa: PLC0415

            # Other replicas write too, so what was listed once is not to be remembered.
            files, root = fsspec.core.url_to_fs(self._url, use_listings_cache=False, skip_instance_cache=True)
            self._opened = files, root.rstrip("/")
        return self._opened


def open_storage(place: str) -> Storage:
    """What keeps files at a place: a path is a folder, `s3://…` is object storage."""
    return Bucket(place) if "://" in place else Folder(Path(place))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        # botocore's and aiohttp's own, of which neither has a root that the other shares.
        raise OSError(f"object storage: {error!r}") from error


def _stamp(about: os.stat_result) -> str:
    return f"{about.st_size}-{about.st_mtime_ns}"


def _unless_missing(error: OSError) -> None:
    # Without this a folder that cannot be read just now would look like an empty one.
    if not isinstance(error, FileNotFoundError):
        raise error


def _missing(folder: Path) -> list[Path]:
    return [each for each in reversed((folder, *folder.parents)) if not each.exists()]


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
