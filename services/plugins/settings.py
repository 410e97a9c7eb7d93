"""What this service can be told beside the host's own configuration, which is the contract's: see docs/plugins.md."""

import os
from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.foundation import settings

NAME: Final = "plugins"
BUNDLED: Final = Path(__file__).parent / "bundled"
"""The folder of plugins that come with Daydream."""
BUNDLED_STUDIO: Final = Path(__file__).parent / "bundled_studio"
"""The folder of those that have the studio draw."""


class Settings(settings.Settings):
    """Settings of the plugin host's process; its own begin with PLUGINS_."""

    model_config = SettingsConfigDict(env_prefix="PLUGINS_")

    bind: settings.BindAddress = "127.0.0.1:8014"
    """Where to listen, host:port."""
    threads: int = Field(default=64, ge=4)
    """Requests at once: plugins ask the host itself in the middle of theirs, so a few would wait for each other."""
    inside_names: str = ""
    """Names, host:port with commas between, that only services ask by; they are answered in terms of SERVER_NAME."""
    worker_processes: int = Field(default=2, ge=1)
    """Children of a worker, each of which runs one task at a time."""
    bundled: bool = True
    """Whether Daydream's own plugins are loaded, before those of PLUGIN_FOLDERS."""
    database_url: str = Field(default="", repr=False, validation_alias=settings.variable("SQLALCHEMY_DATABASE_URI"))
    """`postgresql+psycopg://…` or `sqlite:///…`; by default plugins.db in the service's folder."""

    service_secret: SecretStr = SecretStr("")
    """What auth knows this service by, `AUTH_SERVICE_SECRETS=plugins=…`; needed where people have to sign in."""
    auth_target: str = Field(default="127.0.0.1:8011", validation_alias=settings.variable("AUTH_TARGET"))
    """Where auth answers."""
    tasks_target: str = Field(default="", validation_alias=settings.variable("TASKS_TARGET"))
    """Where tasks answers; without it there are no plugins that generate."""
    nats_url: str = Field(default="nats://127.0.0.1:8022", validation_alias=settings.variable("NATS_URL"))
    """Where NATS answers; several servers of a cluster with commas between."""

    @property
    def inside(self) -> frozenset[str]:
        """Every inside name, in lower case."""
        return frozenset(each.strip().lower() for each in self.inside_names.split(",") if each.strip())

    @property
    def folder(self) -> str:
        """Where the service keeps its files."""
        return str((self.data_dir / NAME).absolute())

    @property
    def database(self) -> str:
        """The database's URL for synchronous use."""
        given = self.database_url or f"sqlite:///{self.folder}/plugins.db"
        return given.replace("postgresql://", "postgresql+psycopg://", 1).replace("sqlite+aiosqlite:", "sqlite:", 1)

    @property
    def database_of_migrations(self) -> str:
        """The same database, as Daydream's migrations open it."""
        return self.database.replace("sqlite:", "sqlite+aiosqlite:", 1)

    @property
    def addresses(self) -> tuple[str, ...]:
        """How this machine reaches the host: host:port, the preferred one first."""
        host, _, port = self.bind.rpartition(":")
        everywhere = host in {"0.0.0.0", "[::]"}  # noqa: S104 - compared, not bound
        names = ["127.0.0.1", "localhost"] if everywhere or host in {"127.0.0.1", "localhost"} else [host]
        return tuple(f"{name}:{port}" for name in names)


def withhold() -> None:
    """Take what opens other services out of the environment: plugins run in this process and in children of it.

    The address of NATS may have a password in it.
    """
    for name in ("PLUGINS_SERVICE_SECRET", "NATS_URL"):
        os.environ.pop(name, None)


def furnish_worker() -> None:
    """Do for a worker that Celery's own program starts what `python -m services.plugins worker` does for its own."""
    given = settings.load(Settings)
    withhold()
    hand_over(given, works=True)


def hand_over(given: Settings, *, works: bool = False) -> None:
    """Put into the environment what the host reads from there, where nobody has said otherwise.

    A worker, which `works`, knows no studio; it loads the plugins that draw for their tasks alone.
    """
    os.environ["SQLALCHEMY_DATABASE_URI"] = given.database
    os.environ.setdefault("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", given.folder)
    if given.bundled:
        studio = [str(BUNDLED_STUDIO)] if given.tasks_target or works else []
        folders = [str(BUNDLED), *studio, *os.environ.get("PLUGIN_FOLDERS", "").split(":")]
        os.environ["PLUGIN_FOLDERS"] = ":".join(dict.fromkeys(each for each in folders if each))
    # Tasks make addresses of the host outside of any request.
    os.environ.setdefault("SERVER_NAME", given.addresses[0])
    os.environ.setdefault("OWN_URL_ORIGINS", ",".join(f"http://{each}" for each in given.addresses))
