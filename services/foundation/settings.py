"""Settings come from the environment alone; a wrong one is a plain sentence at start, not a traceback."""

import re
import sys
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

_ADDRESS: Final = re.compile(r"(?:\[[0-9a-fA-F:.%]+\]|[^\s:\[\]]+):(\d{1,5})")
# Told by its form alone: what has no database has no SQLAlchemy either, and reads its settings here all the same.
_DATABASE: Final = re.compile(
    r"sqlite\+aiosqlite://(?:/.*)?|postgresql\+psycopg://(?:[^@]*@)?(?:\[[^\]/?]+\]|[^/:?]*)(?::\d*)?(?:[/?].*)?"
)


def variable(name: str) -> AliasChoices:
    """A variable that several services share, so it carries no service's prefix."""
    return AliasChoices(name)


def _address(value: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if match is None or int(match[1]) > 65_535:
        raise PydanticCustomError("address", "must be host:port")
    return value


def _database(value: str) -> str:
    if not _DATABASE.fullmatch(value):
        raise PydanticCustomError(
            "database", "must be a URL such as postgresql+psycopg://user:password@host/name or sqlite+aiosqlite:///file"
        )
    return value


BindAddress = Annotated[str, AfterValidator(_address)]
"""Where to listen, `host:port`; an IPv6 host stands in brackets."""
DatabaseUrl = Annotated[str, AfterValidator(_database)]
"""`postgresql+psycopg://…` or `sqlite+aiosqlite:///…`; no other driver is known to work."""
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
"""A level as `logging` names it, in either case."""


class Settings(BaseSettings):
    """What every service can be told. A subclass sets its own prefix: `SettingsConfigDict(env_prefix="AUTH_")`."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, populate_by_name=True)

    data_dir: Path = Field(default=Path("var"), validation_alias=variable("DAYDREAM_DATA_DIR"))
    """Folder for everything a service keeps in files."""
    log_level: LogLevel = Field(default="INFO", validation_alias=variable("DAYDREAM_LOG_LEVEL"))
    """DEBUG, INFO, WARNING or ERROR."""
    drain_seconds: float = Field(default=20.0, ge=0, validation_alias=variable("DAYDREAM_DRAIN_SECONDS"))
    """How long calls may go on after SIGTERM."""


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Read the environment, or leave with one sentence for each setting that is wrong."""
    try:
        return kind()
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else ""
            variable_name = name if name.isupper() else f"{prefix}{name.upper()}"
            print(f"{variable_name}: {problem['msg']}", file=sys.stderr)
        raise SystemExit(2) from error


def complain(sentence: str) -> SystemExit:
    """An exit for a start that cannot go on: prints one sentence; raise what is returned."""
    print(sentence, file=sys.stderr)
    return SystemExit(1)
