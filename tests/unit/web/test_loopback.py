"""A plugin host on this machine is offered by the name that the studio was come to by."""

import pytest

from services.web import loopback


@pytest.mark.parametrize(
    ("origin", "asked", "offered"),
    [
        ("http://127.0.0.1:8014", "localhost:8000", "http://localhost:8014"),
        ("http://127.0.0.1:8014", "127.0.0.1:8000", "http://127.0.0.1:8014"),
        ("http://localhost:8014", "127.0.0.1", "http://127.0.0.1:8014"),
        ("http://localhost", "127.0.0.1:8000", "http://127.0.0.1"),
        ("http://127.0.0.1:8014", "studio.example.org", "http://127.0.0.1:8014"),
        ("https://plugins.example.org", "localhost:8000", "https://plugins.example.org"),
    ],
)
def test_only_loopback_has_another_name(origin: str, asked: str, offered: str) -> None:
    found = loopback.beside(origin, asked)

    assert found == offered
    assert found in loopback.names_of(origin)
    assert loopback.names_of(origin)[0] == origin
