"""What holds by default, and how environment and files change it. `docs/plugins.md` lists every key."""

import json
import logging
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from flask import Flask
from qhana_plugin_runner.util.config.celery_config import CELERY_DEBUG_CONFIG, CELERY_PRODUCTION_CONFIG

__all__ = ["CELERY_DEBUG_CONFIG", "CELERY_PRODUCTION_CONFIG", "DebugConfig", "ProductionConfig", "configure"]

PREFIX: Final = "QHANA_PLUGIN_RUNNER"


class ProductionConfig:
    """Defaults."""

    DEBUG = False
    TESTING = False
    REVERSE_PROXY_COUNT = 0
    """Proxies whose X-Forwarded-… headers are believed."""
    PREFERRED_URL_SCHEME = "http"

    API_TITLE = "Plugin host"
    API_VERSION = "v1"
    OPENAPI_VERSION = "3.0.3"
    OPENAPI_JSON_PATH = "api-spec.json"
    OPENAPI_URL_PREFIX = ""

    CELERY = CELERY_PRODUCTION_CONFIG
    PLUGIN_FOLDERS: tuple[str, ...] = ()
    PLUGIN_PROBE_SECONDS = 60.0
    """A plugin that is new may take so long to import; 0 imports it without trying it out first."""
    DEFAULT_FILE_STORE = "local_filesystem"
    FILE_STORE_ROOT_PATH = "files"
    """A folder, below the instance folder unless absolute, or a URL that fsspec knows."""
    URL_REWRITE_RULES: tuple[Any, ...] = ()
    ALLOWED_URL_ORIGINS: tuple[str, ...] = ()
    """Origins that `open_url` may read from although their address is private."""
    FILE_URL_ROOTS: tuple[str, ...] = ()
    """Folders that `file:` URLs may name."""
    PLUGIN_REGISTRY_URL: str | None = None
    NISQ_ANALYZER_UI_URL = "http://localhost:4201"
    """A published plugin reads it from here, and cannot do without."""
    REQUIRE_LOGIN = False
    CORS_ORIGINS: tuple[str, ...] = ("*",)
    """Origins whose pages may read what the host answers, always without credentials; `*` is any."""
    PLUGIN_HOST_ORIGINS: tuple[str, ...] = ()
    """Origins whose pages may show plugins in frames and talk with them; with none, any may."""

    MAX_CONTENT_LENGTH = 64 * 1024 * 1024
    MAX_FORM_MEMORY_SIZE = 64 * 1024 * 1024
    """Forms carry pasted data, which may be large."""

    TASK_ATTEMPTS = 3
    """A Celery task that lost its worker or child is run again until it ran so often."""
    TASK_LEASE_SECONDS = 30.0
    TASK_SWEEP_SECONDS = 5.0
    TASK_SOFT_TIME_LIMIT: float | None = None
    """After so many seconds a Celery task gets SoftTimeLimitExceeded."""
    TASK_TIME_LIMIT: float | None = None
    """After so many seconds its process is killed, and the task fails."""
    TASK_MEMORY_LIMIT: int | None = None
    """Bytes of address space a worker's child may have."""
    TASK_STOP_SECONDS = 5.0
    """A cancelled task gets SIGTERM, and SIGKILL after so long."""
    RESULT_RETENTION_DAYS = 30.0
    """Finished tasks and their files are deleted after so long; 0 keeps them."""


class DebugConfig(ProductionConfig):
    """Defaults of `flask --debug`."""

    DEBUG = True
    CELERY = CELERY_DEBUG_CONFIG


def configure(app: Flask, given: Mapping[str, Any] | None) -> None:
    """Set the app's configuration: from `given` where there is one, else from files and environment.

    Beside what is given, the environment says one thing only: where plugins lie, if that is not given.
    """
    if given is None:
        app.config.from_object(DebugConfig if app.debug else ProductionConfig)
        _from_files(app)
        _from_environment(app)
    else:
        # Tests name what they need; where they say nothing, nothing is tried out and nothing is refused.
        app.config.from_mapping({"API_TITLE": "Plugin host", "API_VERSION": "v1", "OPENAPI_VERSION": "3.0.3"})
        # A suite of several plugins names their folders once, for all the apps that its tests make.
        app.config.from_mapping({"PLUGIN_FOLDERS": _folders(os.environ.get("PLUGIN_FOLDERS", ""))})
        app.config.from_mapping(given)
        if given.get("TESTING"):
            # Tests of plugins write their inputs there and give them as file URLs.
            app.config.setdefault("FILE_URL_ROOTS", [tempfile.gettempdir()])
    _complete(app)


def _from_files(app: Flask) -> None:
    app.config.from_pyfile("config.py", silent=True)
    app.config.from_file("config.json", load=json.load, silent=True)
    app.config.from_file("config.toml", load=tomllib.load, silent=True, text=False)
    app.config.from_envvar(f"{PREFIX}_SETTINGS", silent=True)


def _folders(value: str) -> list[str]:
    return [each for each in value.split(":") if each]


def _commas(value: str) -> list[str]:
    return [each.strip() for each in value.split(",") if each.strip()]


def _switch(value: str) -> bool:
    return value.strip().lower() in {"1", "true", "yes", "on"}


_READ: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "PLUGIN_FOLDERS": ("PLUGIN_FOLDERS", _folders),
    "TEMPLATE_FOLDERS": ("TEMPLATE_FOLDERS", _folders),
    "SQLALCHEMY_DATABASE_URI": ("SQLALCHEMY_DATABASE_URI", str),
    "URL_MAP": ("URL_REWRITE_RULES", json.loads),
    "DEFAULT_FILE_STORE": ("DEFAULT_FILE_STORE", str),
    "FILE_STORE_ROOT_PATH": ("FILE_STORE_ROOT_PATH", str),
    "SERVER_NAME": ("SERVER_NAME", str),
    "SECRET_KEY": ("SECRET_KEY", str),
    "PREFERRED_URL_SCHEME": ("PREFERRED_URL_SCHEME", str),
    "PLUGIN_REGISTRY_URL": ("PLUGIN_REGISTRY_URL", str),
    "REVERSE_PROXY_COUNT": ("REVERSE_PROXY_COUNT", int),
    "ALLOWED_URL_ORIGINS": ("ALLOWED_URL_ORIGINS", _commas),
    "FILE_URL_ROOTS": ("FILE_URL_ROOTS", _folders),
    "OWN_URL_ORIGINS": ("OWN_URL_ORIGINS", _commas),
    "REQUIRE_LOGIN": ("REQUIRE_LOGIN", _switch),
    "CORS_ORIGINS": ("CORS_ORIGINS", _commas),
    "PLUGIN_HOST_ORIGINS": ("PLUGIN_HOST_ORIGINS", _commas),
    "PLUGIN_PROBE_SECONDS": ("PLUGIN_PROBE_SECONDS", float),
    "TASK_ATTEMPTS": ("TASK_ATTEMPTS", int),
    "TASK_LEASE_SECONDS": ("TASK_LEASE_SECONDS", float),
    "TASK_SWEEP_SECONDS": ("TASK_SWEEP_SECONDS", float),
    "TASK_SOFT_TIME_LIMIT": ("TASK_SOFT_TIME_LIMIT", float),
    "TASK_TIME_LIMIT": ("TASK_TIME_LIMIT", float),
    "TASK_MEMORY_LIMIT": ("TASK_MEMORY_LIMIT", int),
    "TASK_STOP_SECONDS": ("TASK_STOP_SECONDS", float),
    "RESULT_RETENTION_DAYS": ("RESULT_RETENTION_DAYS", float),
}


class BadSetting(Exception):
    """A setting cannot be what it is; says which and why in a sentence."""


def _from_environment(app: Flask) -> None:
    for variable, (key, read) in _READ.items():
        value = os.environ.get(variable)
        if not value:
            continue
        try:
            app.config[key] = read(value)
        except ValueError as error:
            raise BadSetting(f"{variable}: {error}") from error
    named = {"broker_url": "BROKER_URL", "result_backend": "RESULT_BACKEND", "task_default_queue": "CELERY_QUEUE"}
    celery = {key: os.environ[variable] for key, variable in named.items() if os.environ.get(variable)}
    app.config["CELERY"] = {**dict(app.config.get("CELERY") or {}), **celery}


def _complete(app: Flask) -> None:
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", f"sqlite:///{Path(app.instance_path).absolute()}/plugins.db")
    # The driver that the host has; URLs of old name another, or none.
    database = re.sub(r"^postgres(ql)?(\+psycopg2)?://", "postgresql+psycopg://", app.config["SQLALCHEMY_DATABASE_URI"])
    app.config["SQLALCHEMY_DATABASE_URI"] = database
    rules = app.config.get("URL_REWRITE_RULES")
    if isinstance(rules, Mapping):
        app.config["URL_REWRITE_RULES"] = [_rule(pattern, replacement) for pattern, replacement in rules.items()]
    app.config["CELERY"] = _celery(app)
    app.config["CORS_ORIGINS"] = [
        each if each == "*" else _origin("CORS_ORIGINS", each) for each in app.config.get("CORS_ORIGINS", ("*",))
    ]
    app.config["PLUGIN_HOST_ORIGINS"] = [
        _origin("PLUGIN_HOST_ORIGINS", each) for each in app.config.get("PLUGIN_HOST_ORIGINS", ())
    ]
    level = app.config.get("DEFAULT_LOG_SEVERITY")
    if isinstance(level, int):
        logging.getLogger(app.logger.name).setLevel(level)


def _origin(setting: str, value: str) -> str:
    """As browsers write it; what it could do in a header, beside that, it must not."""
    written = value.rstrip("/").lower()
    if not re.fullmatch(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?", written):
        raise BadSetting(f"{setting}: {value!r} is no origin such as https://studio.example")
    return written


def _rule(pattern: object, replacement: object) -> tuple[re.Pattern[str], str]:
    if not isinstance(pattern, str) or not isinstance(replacement, str):
        raise BadSetting(f"URL_MAP: {pattern!r} and {replacement!r} must be strings")
    try:
        return re.compile(pattern), replacement
    except re.error as error:
        raise BadSetting(f"URL_MAP: {pattern!r} is no regular expression: {error}") from error


def _celery(app: Flask) -> dict[str, Any]:
    """Celery's configuration; without a broker or backend of its own it gets them from the database."""
    given = {**CELERY_PRODUCTION_CONFIG, **dict(app.config.get("CELERY") or {})}
    database = str(app.config["SQLALCHEMY_DATABASE_URI"])
    broker, backend = queue_urls(database)
    given.setdefault("broker_url", broker)
    given.setdefault("result_backend", backend)
    for key, name in (("task_soft_time_limit", "TASK_SOFT_TIME_LIMIT"), ("task_time_limit", "TASK_TIME_LIMIT")):
        if app.config.get(name):
            given.setdefault(key, app.config[name])
    return given


def queue_urls(database: str) -> tuple[str, str]:
    """Broker and result backend on a database.

    On SQLite they get a file of their own beside it: who polls for messages takes the file's only write lock each
    time, and a plugin that has written something must be able to send a task before it commits.
    """
    if not database.startswith("sqlite"):
        return f"sqla+{database}", f"db+{database}"
    scheme, _, path = database.partition(":///")
    if not path or path.startswith(":memory:"):
        return "memory://", "cache+memory://"
    path, _, options = path.partition("?")
    # A little patience is all it has where the URL does not say: a crowd of senders needs more.
    beside = f"{path.removesuffix('.db')}-queue.db?{options or 'timeout=30'}"
    return f"sqla+{scheme}:///{beside}", f"db+{scheme}:///{beside}"
