"""What this service can be told, from the environment alone."""

import importlib.util
import re
from pathlib import Path
from typing import Final

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from services.foundation import settings

_WORKER: Final = re.compile(r"(dns:///)?(\[[0-9a-fA-F:.%]+\]|[^\s:/\[\]]+):\d{1,5}")


class Settings(settings.Settings):
    """Settings of the ledger; its own begin with TASKS_."""

    model_config = SettingsConfigDict(env_prefix="TASKS_")

    bind: settings.BindAddress = "127.0.0.1:8012"
    """Where to listen, host:port."""
    database_url: settings.DatabaseUrl | None = Field(default=None, repr=False)
    """`postgresql+psycopg://…` or `sqlite+aiosqlite:///…`; by default tasks.db in the data folder."""
    images_url: str = ""
    """Where image files go: a folder, or `s3://bucket/prefix`; by default images in the data folder."""
    service_secret: str = Field(default="", repr=False)
    """This service's secret with auth; serving needs one, migrating does not."""
    queue_limit: int = Field(default=100, ge=1)
    """Tasks that may wait at once."""
    queue_limit_per_user: int = Field(default=20, ge=1)
    """Tasks of one person that may wait at once."""
    import_limit_per_user: int = Field(default=5_000, ge=1)
    """Imported pictures that one person may keep."""
    import_bytes_per_user: int = Field(default=5 * 2**30, ge=1)
    """Bytes of these."""
    lease_seconds: float = Field(default=10.0, ge=0.5)
    """A running task whose dispatcher was not heard of for so long is queued again."""
    model_wait_seconds: float = Field(default=600.0, gt=0)
    """A waiting task whose model no worker has offered for so long, while some worker answers, fails."""
    presence_seconds: float = Field(default=30.0, ge=0.5)
    """Who has not had the studio open for so long has left it."""
    auth_target: str = Field(default="127.0.0.1:8011", validation_alias=settings.variable("AUTH_TARGET"))
    """Where auth listens."""
    gpu_targets: str = Field(default="127.0.0.1:8013", validation_alias=settings.variable("GPU_TARGETS"))
    """Where the workers listen, separated by commas: host:port, or dns:///host:port for all that a name stands for."""
    nats_url: str = Field(default="nats://127.0.0.1:8022", validation_alias=settings.variable("NATS_URL"))
    """Where NATS listens."""

    @field_validator("gpu_targets")
    @classmethod
    def _need_a_worker(cls, targets: str) -> str:
        if not targets.replace(",", " ").split():
            raise ValueError("names no worker")
        for target in (each.strip() for each in targets.split(",") if each.strip()):
            if not _WORKER.fullmatch(target):
                raise ValueError(f"{target} is neither host:port nor dns:///host:port")
        return targets

    @field_validator("images_url")
    @classmethod
    def _must_be_known(cls, place: str) -> str:
        if "://" in place and not place.startswith("s3://"):
            raise ValueError("must be a folder or s3://bucket/prefix")
        if "://" in place and importlib.util.find_spec("s3fs") is None:
            raise ValueError("needs s3fs, which is not installed: pip install 'daydream[s3]'")
        return place

    @property
    def worker_targets(self) -> tuple[str, ...]:
        """Each worker's address once, in the order given."""
        return tuple(dict.fromkeys(each.strip() for each in self.gpu_targets.split(",") if each.strip()))

    @property
    def database(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.absolute()}/tasks.db"

    @property
    def images(self) -> str:
        """Where image files go: an absolute path, or a URL."""
        if "://" in self.images_url:
            return self.images_url
        return str(Path(self.images_url or self.data_dir / "images").absolute())
