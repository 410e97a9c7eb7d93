"""A server for the command to talk to, with a worker that draws at once."""

from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import cli
from tests.support import threaded_gateway
from tests.support.gateway_backends import Backends


@dataclass(kw_only=True)
class Server:
    """Where it is and what stands behind it."""

    url: str
    """Address."""
    backends: Backends
    """Made-up auth and tasks."""
    run: Callable[..., Result]
    """Runs the command with these arguments."""
    do: Callable[[Coroutine[Any, Any, Any]], Any]
    """Runs something where the backends live, and waits for it."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running one. The command works in an empty folder, with a key that is good."""
    monkeypatch.chdir(tmp_path)
    with threaded_gateway.running() as running:

        def run(*arguments: str, **environment: str | None) -> Result:
            access = {"DAYDREAM_URL": running.url, "DAYDREAM_API_KEY": "dd_ada_key_0123456789"}
            return CliRunner().invoke(cli, arguments, env={**access, **environment})

        yield Server(url=running.url, backends=running.backends, run=run, do=running.do)
