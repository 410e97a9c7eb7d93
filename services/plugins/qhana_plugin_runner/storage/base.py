"""What a file store is, and what all of them do alike: note a task's file in the database beside its bytes."""

import secrets
from pathlib import Path, PurePosixPath
from typing import IO, Any, ClassVar, Final

from flask import Flask
from qhana_plugin_runner.db.models.files import TEMPORARY, TaskFile
from qhana_plugin_runner.db.models.tasks import ProcessingTask

Content = IO[Any] | str | bytes
"""What is stored: a file opened as text or binary, spooled or not, from its beginning; or text or bytes themselves."""
_OCTETS: Final = "application/octet-stream"


class FileStoreInterface:
    """What plugins call; every method raises NotImplementedError where a store has no such thing."""

    def persist_file(self, file_: Content, target: str | Path, mimetype: str = _OCTETS) -> None:
        """Store a file under a path of its own."""
        raise NotImplementedError

    def open(self, file_info: TaskFile) -> IO[bytes]:
        """A task's file, to be read as bytes and closed."""
        raise NotImplementedError

    def get_file_url(self, file_storage_data: str, external: bool = True) -> str:
        """A URL of stored data; one that is not `external` works for `open_url` in this host alone."""
        raise NotImplementedError

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        """A URL of a task's file; whoever knows the external one may read it."""
        raise NotImplementedError

    def remove_task_file(self, file_info: TaskFile) -> None:
        """Remove a task's file; one that is gone is no error."""
        raise NotImplementedError


class FileStore(FileStoreInterface):
    """The base of every store."""

    name: ClassVar[str]
    stores: ClassVar[dict[str, type["FileStore"]]] = {}
    """Every store's class by its name."""

    def __init_subclass__(cls, name: str, **kwargs: Any) -> None:
        """Know the store by its name."""
        super().__init_subclass__(**kwargs)
        cls.name = name
        FileStore.stores[name] = cls

    def __init__(self, app: Flask | None = None) -> None:
        """`app` is where its configuration is."""
        self.app: Flask | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Use this app's configuration."""
        self.app = app

    def prepare_path(self, path: str | Path) -> Path:
        """The path below the store's root. Raises ValueError for one that leads up, or holds a NUL."""
        given = Path(path)
        if ".." in given.parts or "\0" in str(given):
            raise ValueError("a file's path must not lead out of the store")
        return given.relative_to(given.anchor) if given.is_absolute() else given

    def file_identifier(self, target: str | Path) -> str:
        """What the database keeps to find the file again."""
        return str(target)

    def persist_task_result(  # noqa: PLR0917 - the contract's
        self, task_db_id: int, file_: Content, file_name: str, file_type: str, mimetype: str, commit: bool = True
    ) -> TaskFile:
        """Store what a task puts out. Raises KeyError when there is no such task."""
        return self.persist_task_file(task_db_id, file_, "out", file_name, file_type, mimetype, commit)

    def persist_task_temp_file(
        self, task_db_id: int, file_: Content, file_name: str, mimetype: str | None = None, commit: bool = True
    ) -> TaskFile:
        """Store what a task needs later. Raises KeyError when there is no such task."""
        return self.persist_task_file(task_db_id, file_, "tmp", file_name, TEMPORARY, mimetype, commit)

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
        """Store the bytes, then the row; files of one name that a task puts out twice do not overwrite each other."""
        task = ProcessingTask.get_by_id(task_db_id)
        if task is None:
            raise KeyError(f"there is no processing task {task_db_id}")
        # A folder of its own for each file keeps the names that plugins give, whatever they are.
        name = PurePosixPath(file_name.replace("\\", "/")).name or "file"
        target = Path(f"task_{task_db_id}") / folder / secrets.token_hex(8) / name[:200]
        self.persist_file(file_, target, mimetype or _OCTETS)
        file = TaskFile(
            task=task,
            security_tag=secrets.token_urlsafe(32),
            storage_provider=self.name,
            file_name=file_name[:500],
            file_storage_data=self.file_identifier(target),
            file_type=file_type,
            mimetype=mimetype or _OCTETS,
        )
        try:
            file.save(commit)
        except Exception:
            # Its task was deleted meanwhile: without a row nobody would ever find these bytes, or remove them.
            self.remove_task_file(file)
            raise
        return file

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        """As of the stored data."""
        return self.get_file_url(file_info.file_storage_data, external=external)

    def remove_task_file(self, file_info: TaskFile) -> None:
        """Stores that keep nothing have nothing to remove."""
