"""The stores that come with the host: a folder, or whatever else fsspec reaches, and references to URLs."""

import codecs
import io
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import IO, Any, Final, TextIO, cast

import fsspec
from flask import Flask, url_for
from fsspec.implementations.local import LocalFileSystem
from qhana_plugin_runner.db.models.files import TaskFile
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage.base import Content, FileStore

_PIECE: Final = 1024 * 1024


class LocalFileStore(FileStore, name="local_filesystem"):
    """Files below `FILE_STORE_ROOT_PATH`: a folder, below the instance folder unless absolute, or an fsspec URL."""

    def init_app(self, app: Flask) -> None:
        """Read the configuration; nothing is opened yet."""
        super().init_app(app)
        root = str(app.config.get("FILE_STORE_ROOT_PATH") or "files")
        if "://" not in root:
            root = str(Path(app.instance_path).absolute() / root)
        self._files, self.root = fsspec.core.url_to_fs(root)

    def persist_file(self, file_: Content, target: str | Path, mimetype: str = "application/octet-stream") -> None:
        """Write it in pieces, aside, and move it to its place whole."""
        path = self._path(target)
        self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
        aside = f"{path}.part"
        with self._files.open(aside, "wb") as there:
            if isinstance(file_, str | bytes):
                there.write(file_.encode() if isinstance(file_, str) else file_)
            else:
                _copy(file_, there)
        self._files.mv(aside, path)

    def file_identifier(self, target: str | Path) -> str:
        """The whole path."""
        return self._path(target)

    def open(self, file_info: TaskFile) -> IO[bytes]:
        """Opened to be read in pieces."""
        return cast(IO[bytes], self._files.open(file_info.file_storage_data, "rb"))

    def size(self, file_info: TaskFile) -> int:
        """In bytes. Raises FileNotFoundError."""
        return int(self._files.size(file_info.file_storage_data))

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        """A `file:` URL, or that of the remote file; there is none for others, who get task files only."""
        if external:
            raise NotImplementedError("only files of tasks have URLs for others")
        if isinstance(self._files, LocalFileSystem):
            return Path(file_storage_data).as_uri()
        return str(self._files.unstrip_protocol(file_storage_data))

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        """The host's own address of it, with its tag."""
        if not external:
            return self.get_file_url(file_info.file_storage_data, external=False)
        tag: dict[str, Any] = {"file-id": file_info.security_tag}
        return url_for("files-api.FileView", file_id=file_info.id, _external=True, **tag)

    def remove_task_file(self, file_info: TaskFile) -> None:
        """Remove the file and the folder that was made for it."""
        path = file_info.file_storage_data
        if not path.startswith(f"{self.root}/"):
            return
        if self._files.exists(path):
            self._files.rm(path)
        folder = path.rpartition("/")[0]
        if self._files.exists(folder) and not self._files.ls(folder):
            self._files.rmdir(folder)

    def _path(self, target: str | Path) -> str:
        return f"{self.root}/{self.prepare_path(target).as_posix()}"


class UrlFileStore(FileStore, name="url_file_store"):
    """Keeps where a result is instead of the result: what is stored is a URL."""

    def persist_file(self, file_: Content, target: str | Path, mimetype: str = "application/octet-stream") -> None:
        """Check that it is one. Raises ValueError for anything else."""
        if not isinstance(file_, str) or not file_.startswith(("http://", "https://", "data:")):
            raise ValueError("this store keeps URLs alone, given as strings")

    def persist_task_file(  # noqa: PLR0917 - the contract's
        self,
        task_db_id: int,
        file_: Content,
        folder: str,
        file_name: str,
        file_type: str,
        mimetype: str | None,
        commit: bool,
    ) -> TaskFile:
        """Note the URL."""
        task = ProcessingTask.get_by_id(task_db_id)
        if task is None:
            raise KeyError(f"there is no processing task {task_db_id}")
        self.persist_file(file_, file_name)
        file = TaskFile(
            task=task,
            security_tag="",
            storage_provider=self.name,
            file_name=file_name[:500],
            file_storage_data=str(file_),
            file_type=file_type,
            mimetype=mimetype or "application/octet-stream",
        )
        file.save(commit)
        return file

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        """The URL itself."""
        return file_storage_data


def _copy(source: IO[Any], there: IO[bytes]) -> None:
    # Plugins hand over files that they have just written; what cannot go back is read from where it is.
    if getattr(source, "seekable", lambda: hasattr(source, "seek"))():
        source.seek(0)
    if (descriptor := _of_utf8(source)) is not None:
        # As it lies there: a file opened as text gives every line end as a plain one, and CSV has others.
        at = 0
        while piece := os.pread(descriptor, _PIECE, at):
            there.write(piece)
            at += len(piece)
        return
    first = source.read(_PIECE)
    if isinstance(first, str):
        while first:
            there.write(first.encode())
            first = source.read(_PIECE)
        return
    there.write(first)
    shutil.copyfileobj(source, there, _PIECE)


def _of_utf8(source: IO[Any]) -> int | None:
    """The descriptor of a plain file that is opened as UTF-8 text, with everything written to it."""
    # One that is packed has a descriptor too, of what it is packed in.
    plain = isinstance(getattr(getattr(source, "buffer", None), "raw", None), io.FileIO)
    if not plain and not isinstance(source, tempfile.SpooledTemporaryFile):
        return None
    try:
        if codecs.lookup(cast(TextIO, source).encoding).name != "utf-8":
            return None
        source.flush()
        # One that is spooled moves to the disk.
        descriptor = source.fileno()
        return descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except (AttributeError, LookupError, TypeError, OSError):
        return None
