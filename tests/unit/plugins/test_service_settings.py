"""How the service tells the host where it is, and which settings it takes."""

import pytest

from services.plugins.settings import Settings


@pytest.mark.parametrize(
    ("bind", "addresses"),
    [
        ("127.0.0.1:8014", ("127.0.0.1:8014", "localhost:8014")),
        ("0.0.0.0:80", ("127.0.0.1:80", "localhost:80")),
        ("10.1.2.3:80", ("10.1.2.3:80",)),
    ],
)
def test_its_own_addresses_are_those_it_can_be_reached_at(bind: str, addresses: tuple[str, ...]) -> None:
    assert Settings(bind=bind).addresses == addresses


@pytest.mark.parametrize(
    ("given", "of_the_host", "of_migrations"),
    [
        ("sqlite:////x/p.db", "sqlite:////x/p.db", "sqlite+aiosqlite:////x/p.db"),
        ("sqlite+aiosqlite:////x/p.db", "sqlite:////x/p.db", "sqlite+aiosqlite:////x/p.db"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
    ],
)
def test_one_database_url_serves_the_host_and_its_migrations(given: str, of_the_host: str, of_migrations: str) -> None:
    settings = Settings(database_url=given)

    assert (settings.database, settings.database_of_migrations) == (of_the_host, of_migrations)
