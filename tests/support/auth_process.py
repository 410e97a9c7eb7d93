"""auth as a process: `python -m services.auth …` with a data folder of its own."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.auth import bootstrap
from tests.support.ports import free_port, wait_for_port

ROOT: Final = Path(__file__).parents[2]
PASSWORD: Final = "correct horse battery"
WEB_SECRET: Final = "web-secret-of-this-test"


class Command:
    """`python -m services.auth …` with a data folder of its own."""

    def __init__(self, folder: Path, **environment: str) -> None:
        """Nothing is in the folder yet; `environment` goes before what it finds."""
        self.folder = folder
        self.port = free_port()
        self.environment = {
            **os.environ,
            "DAYDREAM_DATA_DIR": str(folder),
            "DAYDREAM_DRAIN_SECONDS": "1",
            "AUTH_BIND": f"127.0.0.1:{self.port}",
            "AUTH_SERVICE_SECRETS": f"web={WEB_SECRET}",
            **environment,
        }

    def run(self, *arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [sys.executable, "-m", "services.auth", *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def create_staff(self, email: str = "staff@daydream.local", given: str = PASSWORD + "\n") -> tuple[int, str, str]:
        """Make a staff account; exit code, what it printed, the last line of its complaints."""
        done = self.run("create-staff", "--email", email, "--password-stdin", given=given)
        return done.returncode, done.stdout, (done.stderr.splitlines() or [""])[-1]

    @contextlib.contextmanager
    def serving(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run it while the block lasts."""
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.auth"], cwd=ROOT, env=self.environment, stderr=log
            )
            try:
                wait_for_port(self.port, seconds=150)
                yield process
            finally:
                process.kill()
                process.wait()


def wait_until_serving(channel: grpc.Channel) -> None:
    """Return once the health service says SERVING."""
    stub = health_pb2_grpc.HealthStub(channel)
    deadline = time.monotonic() + 120
    for service in ("", *bootstrap.SERVICES):
        answer = None
        while answer is None or answer.status != health_pb2.HealthCheckResponse.SERVING:
            assert time.monotonic() < deadline
            request = health_pb2.HealthCheckRequest(service=service)
            answer = stub.Check(request, timeout=60, wait_for_ready=True)  # type: ignore[attr-defined]
