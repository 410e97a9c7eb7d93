"""Where plugins put files: `STORE` forwards to the configured file store; `class X(FileStore, name="…")` adds one."""

from qhana_plugin_runner.storage.base import FileStore, FileStoreInterface
from qhana_plugin_runner.storage.files import LocalFileStore, UrlFileStore
from qhana_plugin_runner.storage.registry import STORE, FileStoreRegistry, register_file_store

__all__ = [
    "STORE",
    "FileStore",
    "FileStoreInterface",
    "FileStoreRegistry",
    "LocalFileStore",
    "UrlFileStore",
    "register_file_store",
]
