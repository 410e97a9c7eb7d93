"""Settings as they are read."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.auth.settings import Settings


def test_files_live_in_the_data_folder_unless_told_otherwise() -> None:
    plain = Settings(data_dir=Path("/data"))
    told = Settings(
        data_dir=Path("/data"), database_url="postgresql+psycopg://db/auth", signing_key_file=Path("/run/key.pem")
    )

    assert plain.database == "sqlite+aiosqlite:////data/auth.db"
    assert plain.key_file == Path("/data/auth/signing-key.pem")
    assert (told.database, told.key_file) == ("postgresql+psycopg://db/auth", Path("/run/key.pem"))


def test_secrets_are_read_as_pairs_and_never_shown() -> None:
    read = Settings.model_validate({"service_secrets": "web=abcdefghijklmnop=, tasks=0123456789abcdef"})

    assert {name: secret.get_secret_value() for name, secret in read.service_secrets.items()} == {
        "web": "abcdefghijklmnop=",
        "tasks": "0123456789abcdef",
    }
    assert "abcdefghijklmnop" not in repr(read)


@pytest.mark.parametrize(
    "values",
    [
        {"service_secrets": "web"},
        {"service_secrets": "web=short"},
        {"service_secrets": "We b=0123456789abcdef"},
        {"database_url": "mysql://db/auth"},
        {"database_url": "postgresql+psycopg://db:port/auth"},
        {"bind": "8011"},
        {"signup": "invite"},
        {"signup_tokens": -1},
        {"signup_tokens": 10**10},
    ],
)
def test_a_wrong_setting_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(values)
