"""compose.yaml as an operator gets it: every service started with exactly its command and environment.

There is no container engine here, so what a container would add is supplied by the test and by nothing else: the host
names and ports become free ports on loopback, the volumes' mount points become folders of the test, and PostgreSQL and
NATS come from their wheels.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import httpx
import psycopg
import pytest
import yaml
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from deploy import environment
from services.foundation.rpc import probe
from tests.support import ports
from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.tiny_pipeline import build

ROOT = Path(__file__).parents[2]
SERVED = {"auth": 8011, "tasks": 8012, "gpu": 8013, "web": 8000}
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def _interpolated(text: str, variables: Mapping[str, str]) -> str:
    """Compose's own interpolation, as far as our file uses it."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        if operator == ":-":
            return variables.get(name) or rest
        assert variables.get(name), f"{name}: {rest}"
        return variables[name]

    return re.sub(r"\$\{([A-Z_]+)(:-|:\?)([^}]*)\}", value, text)


class Composed:
    """The services of the file, as processes."""

    def __init__(self, folder: Path, postgres: Postgres, nats: Nats) -> None:
        variables = dict(
            line.split("=", 1)
            for line in environment.filled(environment.EXAMPLE.read_text()).splitlines()
            if "=" in line and not line.startswith("#")
        )
        variables["GPU_MODEL"] = str(build(folder / "tiny"))
        self.file: dict[str, Any] = yaml.safe_load(
            _interpolated((ROOT / "deploy" / "compose.yaml").read_text(), variables)
        )
        self.ports = {name: ports.free_port() for name in SERVED}
        self._folder, self._postgres, self._nats = folder, postgres, nats
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._make_databases(variables)

    def _make_databases(self, variables: Mapping[str, str]) -> None:
        with psycopg.connect(
            f"postgresql://daydream@127.0.0.1:{self._postgres.port}/postgres", autocommit=True
        ) as admin:
            for name in ("auth", "tasks"):
                password = variables[f"{name.upper()}_DATABASE_PASSWORD"]
                admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'".encode())
                admin.execute(f"CREATE DATABASE {name} OWNER {name}".encode())

    def _placed(self, service: str, value: str) -> str:
        data = self._folder / service
        data.mkdir(exist_ok=True)
        replaced = value.replace("/var/lib/daydream", str(data))
        replaced = replaced.replace("postgres:5432", f"127.0.0.1:{self._postgres.port}")
        replaced = replaced.replace("nats://nats:4222", self._nats.url)
        for name, port in SERVED.items():
            replaced = re.sub(rf"\b{name}:{port}\b", f"127.0.0.1:{self.ports[name]}", replaced)
            if name == service.removesuffix("-migrate"):
                replaced = replaced.replace(f"0.0.0.0:{port}", f"127.0.0.1:{self.ports[name]}")
        return replaced

    def start(self, service: str) -> subprocess.Popen[bytes]:
        """Start one with its command and its environment, and none of ours."""
        told = self.file["services"][service]
        program, *words = told["command"]
        assert program == "python"
        # A name without a value is handed on where somebody has set it, which nobody has here.
        said = {name: value for name, value in told["environment"].items() if value is not None}
        values = {name: self._placed(service, str(value)) for name, value in said.items()}
        quiet = {"OMP_NUM_THREADS": "1", "HOME": str(self._folder), "PATH": os.environ["PATH"]}
        self._running[service] = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env={**quiet, **values}, stderr=subprocess.PIPE
        )
        return self._running[service]

    def stop(self) -> dict[str, int]:
        """Stop every service as an engine does; gives their exit codes."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        codes = {}
        for name, process in self._running.items():
            process.communicate(timeout=40)
            codes[name] = process.returncode
        self._running.clear()
        return codes


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    postgres, nats = Postgres(), Nats()
    made = Composed(tmp_path_factory.mktemp("composed"), postgres, nats)
    try:
        yield made
    finally:
        made.stop()
        nats.remove()
        postgres.stop()


def _until_serving(target: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while not probe.is_serving(target, seconds=1):
        if process.poll() is not None:
            raise AssertionError((process.communicate()[1] or b"").decode())
        assert time.monotonic() < deadline, f"{target} never said SERVING"
        time.sleep(0.1)


def _services_told_by_reflection(target: str) -> set[str]:
    with grpc.insecure_channel(target) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        answer = next(iter(stub.ServerReflectionInfo(asked, timeout=5)))
        return {each.name for each in answer.list_services_response.service}


def test_every_service_starts_as_the_file_says_and_stops_within_its_grace(composed: Composed) -> None:
    for migration in ("auth-migrate", "tasks-migrate"):
        process = composed.start(migration)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
        composed._running.pop(migration)

    for service in ("auth", "gpu", "tasks"):
        _until_serving(f"127.0.0.1:{composed.ports[service]}", composed.start(service))
    web = composed.start("web")
    ports.wait_for_port(composed.ports["web"])
    ready = httpx.get(f"http://127.0.0.1:{composed.ports['web']}/readyz", timeout=10)

    assert ready.status_code == 200
    assert web.poll() is None
    for service, own in (("auth", "AuthService"), ("tasks", "TaskService"), ("gpu", "InferenceService")):
        told = _services_told_by_reflection(f"127.0.0.1:{composed.ports[service]}")
        assert any(name.endswith(own) for name in told), told
        assert "grpc.health.v1.Health" in told
    assert set(composed.stop().values()) == {0}


def test_every_service_is_there_with_what_it_waits_for(composed: Composed) -> None:
    services = composed.file["services"]

    assert {"postgres", "nats", "auth", "tasks", "gpu", "web"} <= set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        if name in SERVED:
            assert "healthcheck" in service, name
