"""A real NATS server with JetStream from the wheel, with the configuration that is deployed."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support import ports

CONFIG = Path(__file__).parents[2] / "deploy" / "nats.conf"


class Nats:
    """One server; `stop` and `start` show what a fault does, the store outlives both."""

    def __init__(self, config: Path = CONFIG, environment: Mapping[str, str] | None = None) -> None:
        """Start on a free port; `environment` is what the configuration asks for."""
        self._config, self._environment = config, environment or {}
        self.store = Path(tempfile.mkdtemp(prefix="daydream-nats-"))
        """Where its streams are."""
        self.port = ports.free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._server: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start the server; returns when it listens."""
        command: list[str | Path] = [
            Path(sys.executable).parent / "nats-server", "-c", self._config, "-a", "127.0.0.1", "-p", str(self.port),
            "-sd", self.store,
        ]  # fmt: skip
        with (self.store / "log").open("ab") as log:
            self._server = subprocess.Popen(command, env={**os.environ, **self._environment}, stdout=log, stderr=log)
        ports.wait_for_port(self.port)

    def stop(self) -> None:
        """Kill the server as a crash would."""
        if self._server is not None:
            self._server.kill()
            self._server.wait(timeout=60)
            self._server = None

    def remove(self) -> None:
        """Stop and forget everything."""
        self.stop()
        shutil.rmtree(self.store, ignore_errors=True)
