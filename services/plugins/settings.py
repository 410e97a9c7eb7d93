"""What this service can be told beside the host's own configuration, which is the contract's: see docs/plugins.md."""

import os
from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.foundation import settings

NAME: Final = "plugins"
BUNDLED: Final = Path(__file__).parent / "bundled"
"""The folder of plugins that come with Daydream."""


class Settings(settings.Settings):
    """Settings of the plugin host's process; its own begin with PLUGINS_."""

    model_config = SettingsConfigDict(env_prefix="PLUGINS_")

    bind: settings.BindAddress = "127.0.0.1:8014"
    """Where to listen, host:port."""
    threads: int = Field(default=64, ge=4)
    """Requests at once: plugins ask the host itself in the middle of theirs, so a few would wait for each other."""
    worker_processes: int = Field(default=2, ge=1)
    """Children of a worker, each of which runs one task at a time."""
    bundled: bool = True
    """Whether Daydream's own plugins are loaded, before those of PLUGIN_FOLDERS."""
    database_url: str = Field(default="", repr=False, validation_alias=settings.variable("SQLALCHEMY_DATABASE_URI"))
    """`postgresql+psycopg://…` or `sqlite:///…`; by default plugins.db in the service's folder."""

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


def hand_over(given: Settings) -> None:
    """Put into the environment what the host reads from there, where nobody has said otherwise."""
    os.environ["SQLALCHEMY_DATABASE_URI"] = given.database
    os.environ.setdefault("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", given.folder)
    if given.bundled:
        folders = [str(BUNDLED), *os.environ.get("PLUGIN_FOLDERS", "").split(":")]
        os.environ["PLUGIN_FOLDERS"] = ":".join(dict.fromkeys(each for each in folders if each))
    # Tasks make addresses of the host outside of any request.
    os.environ.setdefault("SERVER_NAME", given.addresses[0])
    os.environ.setdefault("OWN_URL_ORIGINS", ",".join(f"http://{each}" for each in given.addresses))
