"""What auth can be told."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode, SettingsConfigDict

from services.auth.fields import MOST_TOKENS_AT_ONCE
from services.auth.values import SignUpMode
from services.foundation import settings

_SERVICE: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
# Shorter ones are words that somebody made up, and could be guessed.
_SECRET_CHARACTERS: Final = 16


class Settings(settings.Settings):
    """Settings of the service, `AUTH_…` in the environment."""

    model_config = SettingsConfigDict(env_prefix="AUTH_")

    bind: settings.BindAddress = "127.0.0.1:8011"
    """Where to listen, `host:port`."""
    database_url: settings.DatabaseUrl | None = Field(default=None, repr=False)
    """`postgresql+psycopg://…` or `sqlite+aiosqlite:///…`; unset means `auth.db` in the data folder."""
    signing_key_file: Path | None = None
    """PEM file of the Ed25519 key, made if it is missing; unset means `auth/signing-key.pem` in the data folder."""
    service_secrets: Annotated[Mapping[str, SecretStr], NoDecode] = Field(default_factory=dict)
    """`web=…,tasks=…`: who may have a service token, and for which secret of at least 16 characters."""
    signup: SignUpMode = SignUpMode.OPEN
    """Who may make an account by themselves: `open` everybody, `code` who has an invitation code, `closed` nobody."""
    nats_url: str = Field(default="nats://127.0.0.1:8022", validation_alias=settings.variable("NATS_URL"))
    """Where NATS listens; while it is away, events wait in the database."""
    signup_tokens: int = Field(default=100, ge=0, le=MOST_TOKENS_AT_ONCE)
    """What a new account starts with, whole tokens."""

    @property
    def database(self) -> str:
        """URL of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir}/auth.db"

    @property
    def key_file(self) -> Path:
        """Where the signing key is."""
        return self.signing_key_file or self.data_dir / "auth" / "signing-key.pem"

    @field_validator("service_secrets", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs: dict[str, str] = {}
        for pair in filter(None, (part.strip() for part in value.split(","))):
            name, _, secret = pair.partition("=")
            if not _SERVICE.fullmatch(name) or len(secret) < _SECRET_CHARACTERS:
                raise PydanticCustomError(
                    "pairs", f"must be name=secret,name=secret with secrets of at least {_SECRET_CHARACTERS} characters"
                )
            pairs[name] = secret
        return pairs
