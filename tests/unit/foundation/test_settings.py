"""Settings that services share, and what is said of a wrong one."""

import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_settings import SettingsConfigDict

from services.foundation import settings


class Some(settings.Settings):
    """Settings of a service that only tests know."""

    model_config = SettingsConfigDict(env_prefix="SOME_")

    bind: settings.BindAddress = "127.0.0.1:8099"


@pytest.mark.parametrize("address", ["127.0.0.1:8011", "0.0.0.0:0", "[::1]:8011", "auth.internal:65535"])
def test_an_address_to_listen_on_is_host_and_port(address: str) -> None:
    read = TypeAdapter(settings.BindAddress).validate_python(address)

    assert read == address


@pytest.mark.parametrize("address", ["8011", ":8011", "localhost", "localhost:http", "host:65536", "::1:8011", "a b:1"])
def test_any_other_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="must be host:port"):
        TypeAdapter(settings.BindAddress).validate_python(address)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:////data/auth.db",
        "sqlite+aiosqlite://",
        "postgresql+psycopg://db/auth",
        "postgresql+psycopg://auth:p#ss/w:rd@db:5432/auth",
        "postgresql+psycopg://auth@[::1]:5432/auth?sslmode=require",
        "postgresql+psycopg:///auth?host=/run/postgresql",
    ],
)
def test_a_database_is_named_by_a_url_of_a_driver_that_works(url: str) -> None:
    read = TypeAdapter(settings.DatabaseUrl).validate_python(url)

    assert read == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "auth.db",
        "sqlite:///auth.db",
        "mysql://db/auth",
        "postgresql://db/auth",
        "postgresql+psycopg://db:port/auth",
    ],
)
def test_any_other_database_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="must be a URL such as"):
        TypeAdapter(settings.DatabaseUrl).validate_python(url)


def test_a_log_level_is_read_in_either_case() -> None:
    read = Some.model_validate({"DAYDREAM_LOG_LEVEL": "info"})

    assert read.log_level == "INFO"


def test_a_wrong_variable_is_named_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DAYDREAM_LOG_LEVEL", "chatty")
    monkeypatch.setenv("SOME_BIND", "8099")

    with pytest.raises(SystemExit) as left:
        settings.load(Some)

    assert left.value.code == 2
    said = capsys.readouterr().err.splitlines()
    assert sorted(line.split(":")[0] for line in said) == ["DAYDREAM_LOG_LEVEL", "SOME_BIND"]
