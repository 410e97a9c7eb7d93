"""The worker as a process of its own, started the way it is deployed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.support import ports

ROOT = Path(__file__).parents[2]


class GpuWorker:
    """`python -m services.gpu` on a free port."""

    def __init__(self, *, model: Path | str, auth_target: str, data: Path, **settings: str) -> None:
        """Start it; `settings` are further variables of its environment."""
        self.port = ports.free_port()
        self.target = f"127.0.0.1:{self.port}"
        self._log = data / f"gpu-{self.port}.log"
        environment = {
            **os.environ, "GPU_MODEL": str(model), "GPU_BIND": self.target, "GPU_THREADS": "1", "GPU_DEVICE": "cpu",
            "AUTH_TARGET": auth_target, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "gen"))), **settings,
        }  # fmt: skip
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.gpu"], cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def wait_until_serving(self, *, seconds: float = 480) -> "GpuWorker":
        """Return once health says SERVING; raise when the process ends or takes too long."""
        deadline = time.monotonic() + seconds
        with grpc.insecure_channel(self.target) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            while time.monotonic() < deadline and self.process.poll() is None:
                try:
                    answer = health.Check(health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True)
                except grpc.RpcError:
                    continue
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return self
                # A short pause between looks at a condition, not a wait for time to pass.
                time.sleep(0.05)
        raise AssertionError(f"the worker does not serve:\n{self.log}")

    def wait_until_logged(self, words: str, *, seconds: float = 480) -> None:
        """Return once its log has these words; raise when the process ends or takes too long."""
        deadline = time.monotonic() + seconds
        while words not in self.log:
            assert self.process.poll() is None, f"the worker ended:\n{self.log}"
            assert time.monotonic() < deadline, f"the worker does not say {words}:\n{self.log}"
            # A short pause between looks at a condition, not a wait for time to pass.
            time.sleep(0.02)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self, *, seconds: float = 480) -> int:
        """Wait for its end, which may come after torch was imported; raise with its log when it lives on."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"the worker does not end:\n{self.log}") from error

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text()

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=60)
