"""`STORE`: the one that plugins import. It forwards to the default store, or to the one named."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from flask import Flask
from qhana_plugin_runner.db.models.files import TaskFile
from qhana_plugin_runner.storage.base import Content, FileStore, FileStoreInterface
from qhana_plugin_runner.storage.files import LocalFileStore


class FileStoreRegistry(FileStoreInterface):
    """Every store by its name."""

    def __init__(self) -> None:
        """Empty until `init_app`."""
        self._stores: dict[str, FileStore] = {}
        self._default: str | None = None

    def init_app(self, app: Flask) -> None:
        """Make every store that is known by now; one that cannot be made is logged and left out."""
        self._default = app.config.get("DEFAULT_FILE_STORE") or None
        self._stores = {}
        for name, kind in FileStore.stores.items():
            try:
                self._stores[name] = kind(app)
            except Exception:
                app.logger.exception("the file store %s cannot be had", name)

    def __getitem__(self, name: str) -> FileStore:
        """The store of this name. Raises KeyError."""
        return self._stores[name]

    def __iter__(self) -> Iterator[FileStore]:
        """Every store."""
        return iter(self._stores.values())

    def _store(self, name: str | None) -> FileStore:
        chosen = name or self._default
        if chosen is None:
            raise NotImplementedError("there is no default file store: set DEFAULT_FILE_STORE")
        return self._stores[chosen]

    def persist_file(
        self,
        file_: Content,
        target: str | Path,
        mimetype: str = "application/octet-stream",
        storage_provider: str | None = None,
    ) -> None:
        """Store a file under a path of its own."""
        self._store(storage_provider).persist_file(file_, target, mimetype)

    def persist_task_result(  # noqa: PLR0917 - the contract's
        self,
        task_db_id: int,
        file_: Content,
        file_name: str,
        file_type: str,
        mimetype: str,
        commit: bool = True,
        storage_provider: str | None = None,
    ) -> TaskFile:
        """Store what a task puts out. Raises KeyError when there is no such task."""
        return self._store(storage_provider).persist_task_result(
            task_db_id, file_, file_name, file_type, mimetype, commit=commit
        )

    def persist_task_temp_file(  # noqa: PLR0917 - the contract's
        self,
        task_db_id: int,
        file_: Content,
        file_name: str,
        mimetype: str | None = None,
        commit: bool = True,
        storage_provider: str | None = None,
    ) -> TaskFile:
        """Store what a task needs later. Raises KeyError when there is no such task."""
        return self._store(storage_provider).persist_task_temp_file(
            task_db_id, file_, file_name, mimetype, commit=commit
        )

    def open(self, file_info: TaskFile) -> IO[bytes]:
        """A task's file, to be read as bytes and closed."""
        return self._store(file_info.storage_provider).open(file_info)

    def get_file_url(self, file_storage_data: str, external: bool = True, storage_provider: str | None = None) -> str:
        """A URL of stored data."""
        return self._store(storage_provider).get_file_url(file_storage_data, external)

    def get_task_file_url(self, file_info: TaskFile, external: bool = True) -> str:
        """A URL of a task's file."""
        return self._store(file_info.storage_provider).get_task_file_url(file_info, external)

    def remove_task_file(self, file_info: TaskFile) -> None:
        """Remove a task's file; that of a store which is gone stays where it is."""
        store = self._stores.get(file_info.storage_provider)
        if store is not None:
            store.remove_task_file(file_info)


STORE: Final = FileStoreRegistry()


def register_file_store(app: Flask) -> None:
    """Make the stores; after the plugins, which may bring some."""
    STORE.init_app(app)
    # What a store hands out as an internal address must be one that `open_url` reads.
    roots = [store.root for store in STORE if isinstance(store, LocalFileStore) and "://" not in store.root]
    app.config["FILE_URL_ROOTS"] = [*(app.config.get("FILE_URL_ROOTS") or ()), *roots]
