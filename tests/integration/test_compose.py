"""compose.yaml as an operator gets it: every service started with exactly its command and environment.

There is no container engine here, so what a container would add is supplied by the test and by nothing else: the host
names and ports become free ports on loopback, the volumes' mount points become folders of the test, and PostgreSQL and
NATS come from their wheels.
"""

import asyncio
import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import httpx
import nats
import pytest
import yaml
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from qhana_plugin_runner.fetching.rules import UrlRules

from deploy import environment
from services.foundation import events
from services.foundation.rpc import probe
from tests.support import ports
from tests.support.nats import Nats
from tests.support.picture_files import encoded, picture
from tests.support.postgres import Postgres
from tests.support.tiny_pipeline import build

ROOT = Path(__file__).parents[2]
SERVED = {"auth": 8011, "tasks": 8012, "gpu": 8013, "web": 8000, "plugins": 8014}
OUTSIDE = "http://127.0.0.1:8014"
"""How people reach the plugin host where nothing else is said; nobody in here can."""
PICTURE = "data:image/png;base64," + base64.b64encode(encoded(picture())).decode()
DATABASES = ("auth", "tasks", "plugins")
DRAWN = 64
"""Characters of a secret that `make env` draws."""
# A dozen processes start one after the other, torch in one of them: minutes where memory is contended.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def _interpolated(text: str, variables: Mapping[str, str]) -> str:
    """Compose's own interpolation, as far as our file uses it."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        if operator == ":-":
            return variables.get(name) or rest
        assert variables.get(name), f"{name}: {rest}"
        return variables[name]

    # From the inside, as a default may be made of other variables.
    found = 1
    while found:
        text, found = re.subn(r"\$\{([A-Z_]+)(:-|:\?)([^{}]*)\}", value, text)
    return text


def _drawn() -> dict[str, str]:
    """What `make env` writes into deploy/.env, by name."""
    lines = environment.filled(environment.EXAMPLE.read_text()).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


class Composed:
    """The services of the file, as processes."""

    def __init__(self, folder: Path, postgres: Postgres, server: Nats, variables: dict[str, str]) -> None:
        variables["GPU_MODEL"] = str(build(folder / "tiny"))
        self.file: dict[str, Any] = yaml.safe_load(
            _interpolated((ROOT / "deploy" / "compose.yaml").read_text(), variables)
        )
        self.ports = {name: ports.free_port() for name in SERVED}
        self.drawn = {name: value for name, value in variables.items() if len(value) == DRAWN}
        self._folder, self._postgres, self._nats = folder, postgres, server
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._make_databases(variables)

    def _make_databases(self, variables: Mapping[str, str]) -> None:
        # Twice: an operator runs it again where a service has come new.
        for _ in range(2):
            self._postgres.run_script(
                ROOT / "deploy" / "postgres" / "databases.sh",
                **{name: variables[name] for name in (f"{each.upper()}_DATABASE_PASSWORD" for each in DATABASES)},
            )

    def _placed(self, service: str, value: str) -> str:
        replaced = value
        for volume in self.file["services"][service].get("volumes", [f"{service}:/var/lib/daydream"]):
            source, target = volume.split(":")[:2]
            folder = self._folder / source.replace("/", "-")
            folder.mkdir(exist_ok=True)
            replaced = folder.as_posix() if replaced == target else replaced.replace(f"{target}/", f"{folder}/")
        replaced = replaced.replace("postgres:5432", f"127.0.0.1:{self._postgres.port}")
        replaced = replaced.replace("@nats:4222", f"@127.0.0.1:{self._nats.port}")
        for name, port in SERVED.items():
            replaced = re.sub(rf"\b{name}:{port}\b", f"127.0.0.1:{self.ports[name]}", replaced)
            if name == service.partition("-")[0]:
                replaced = replaced.replace(f"0.0.0.0:{port}", f"127.0.0.1:{self.ports[name]}")
        return replaced

    def environment(self, service: str) -> dict[str, str]:
        """What one is told, and nothing of ours."""
        # A name without a value is handed on where somebody has set it, which nobody has here.
        told = self.file["services"][service]["environment"].items()
        values = {name: self._placed(service, str(value)) for name, value in told if value is not None}
        return {"OMP_NUM_THREADS": "1", "HOME": str(self._folder), "PATH": os.environ["PATH"], **values}

    def start(self, service: str) -> subprocess.Popen[bytes]:
        """Start one with its command and its environment."""
        program, *words = self.file["services"][service]["command"]
        assert program == "python"
        # A file and no pipe, which somebody would have to read while it runs.
        with (self._folder / f"{service}.log").open("ab") as log:
            self._running[service] = subprocess.Popen(
                [sys.executable, *words], cwd=ROOT, env=self.environment(service), stdout=log, stderr=log
            )
        return self._running[service]

    def run(self, service: str, *words: str, stdin: str = "") -> None:
        """Run a command to its end, as `docker compose run` does."""
        done = subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=self.environment(service), input=stdin,
            capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def log(self, service: str) -> str:
        """What one has said."""
        return (self._folder / f"{service}.log").read_text()

    def nats_log(self) -> str:
        """What NATS has said."""
        return (self._nats.store / "log").read_text()

    def forget_ended(self) -> None:
        """Those that are done need not be stopped."""
        self._running = {name: process for name, process in self._running.items() if process.poll() is None}

    def stop(self) -> dict[str, int]:
        """Stop every service as an engine does; gives their exit codes."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        codes = {}
        for name, process in self._running.items():
            process.wait(timeout=40)
            codes[name] = process.returncode
        self._running.clear()
        return codes


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    variables = _drawn()
    postgres, server = Postgres(), Nats(ROOT / "deploy" / "nats-users.conf", variables)
    made = Composed(tmp_path_factory.mktemp("composed"), postgres, server, variables)
    try:
        yield made
    finally:
        made.stop()
        server.remove()
        postgres.stop()


def _until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log: Callable[[], str]) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, log()
        assert time.monotonic() < deadline, f"it did not happen in time: {log()}"
        time.sleep(0.1)


def _services_told_by_reflection(target: str) -> set[str]:
    with grpc.insecure_channel(target) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        answer = next(iter(stub.ServerReflectionInfo(asked, timeout=60)))
        return {each.name for each in answer.list_services_response.service}


def _start_all(composed: Composed) -> None:
    for name in DATABASES:
        assert composed.start(f"{name}-migrate").wait(timeout=150) == 0, composed.log(f"{name}-migrate")
    composed.forget_ended()
    for service in ("auth", "gpu", "tasks"):
        started = composed.start(service)
        target = f"127.0.0.1:{composed.ports[service]}"
        _until(partial(probe.is_serving, target, seconds=1), started, partial(composed.log, service))
    for service in ("web", "plugins"):
        started = composed.start(service)
        _until(partial(_is_ready, composed.ports[service]), started, partial(composed.log, service))
    worker = composed.start("plugins-worker")
    _until(lambda: " ready." in composed.log("plugins-worker"), worker, partial(composed.log, "plugins-worker"))


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.rotating
def test_every_service_starts_as_the_file_says_and_stops_within_its_grace(composed: Composed) -> None:
    _start_all(composed)

    for service, own in (("auth", "AuthService"), ("tasks", "TaskService"), ("gpu", "InferenceService")):
        told = _services_told_by_reflection(f"127.0.0.1:{composed.ports[service]}")
        assert any(name.endswith(own) for name in told), told
        assert "grpc.health.v1.Health" in told
    _plugins_work_together(composed)
    assert set(composed.stop().values()) == {0}
    refused = [line for line in composed.nats_log().splitlines() if "Violation" in line and "forged" not in line]
    assert refused == []


def _plugins_work_together(composed: Composed) -> None:
    """A picture goes through two plugins; the worker is handed the second's by the address that people have."""
    key = f"dd_{'k' * 43}"
    composed.run(
        "auth", "-m", "services.auth", "create-staff", "--email", "you@example.org", "--password-stdin",
        "--api-key-stdin", stdin=f"a good password\n{key}\n",
    )  # fmt: skip
    web = f"http://127.0.0.1:{composed.ports['web']}"
    given = httpx.post(f"{web}/api/v1/plugins/token", headers={"Authorization": f"Bearer {key}"}, timeout=60).json()
    by_token = {"Authorization": f"Bearer {given['token']}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{composed.ports['plugins']}", headers=by_token, timeout=60) as host:
        roots = {each["name"]: each["apiRoot"] for each in host.get("/plugins/").json()["plugins"]}
        hello = _run_plugin(host, roots["hello-world"], name="Ada")
        drawn = _run_plugin(host, roots["image-resize"], imageUrl=PICTURE, width="8", height="8")
        converted = _run_plugin(host, roots["image-convert"], imageUrl=drawn["href"], targetFormat="webp")

    assert given["url"] == OUTSIDE
    assert {root.partition("/plugins/")[0] for root in roots.values()} == {OUTSIDE}
    assert hello["href"].startswith(f"{OUTSIDE}/files/")
    assert converted["contentType"] == "image/webp"


def _run_plugin(host: httpx.Client, root: str, **values: str) -> dict[str, str]:
    """Its output."""
    entry = host.get(root.removeprefix(OUTSIDE)).json()["entryPoint"]["href"]
    started = host.post(entry.removeprefix(OUTSIDE), data=values)
    assert started.status_code == 303, started.text
    address = started.headers["location"].removeprefix(OUTSIDE)
    deadline = time.monotonic() + 240
    while (task := host.get(address).json())["status"] == "PENDING":
        assert time.monotonic() < deadline, task
        time.sleep(0.1)
    assert task["status"] == "SUCCESS", task
    (output,) = task["outputs"]
    return dict(output)


def test_every_service_is_there_with_what_it_waits_for(composed: Composed) -> None:
    services = composed.file["services"]

    assert {"postgres", "nats", "plugins-worker", *SERVED} <= set(services)
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        if name in SERVED:
            assert "healthcheck" in service, name


def test_a_service_is_told_its_own_secrets_and_no_others(composed: Composed) -> None:
    told = {
        name: {secret for secret, value in composed.drawn.items() if value in json.dumps(service)}
        for name, service in composed.file["services"].items()
    }

    databases = {f"{name.upper()}_DATABASE_PASSWORD" for name in DATABASES}
    service_secrets = {"WEB_SERVICE_SECRET", "TASKS_SERVICE_SECRET", "PLUGINS_SERVICE_SECRET"}
    auth = {"AUTH_DATABASE_PASSWORD", "NATS_PASSWORD", *service_secrets}
    tasks = {"TASKS_DATABASE_PASSWORD", "NATS_PASSWORD", "TASKS_SERVICE_SECRET"}
    worker = {"PLUGINS_DATABASE_PASSWORD", "PLUGINS_SECRET_KEY"}
    assert told == {
        "postgres": {"POSTGRES_PASSWORD", *databases}, "nats": {"NATS_PASSWORD", "NATS_PLUGINS_PASSWORD"}, "gpu": set(),
        "auth": auth, "auth-migrate": auth, "tasks": tasks, "tasks-migrate": tasks,
        "web": {"WEB_SERVICE_SECRET", "WEB_SECRET_KEY"},
        "plugins": {*worker, "PLUGINS_SERVICE_SECRET", "NATS_PLUGINS_PASSWORD"},
        "plugins-worker": worker, "plugins-migrate": worker,
    }  # fmt: skip


def test_where_plugins_tasks_run_no_service_but_their_own_can_be_reached(composed: Composed) -> None:
    services = composed.file["services"]
    networks = {name: set(service.get("networks", ["default"])) for name, service in services.items()}

    beside = {name for name, own in networks.items() if own & networks["plugins-worker"]}

    assert beside == {"postgres", "web", "plugins", "plugins-migrate", "plugins-worker"}
    assert networks["gpu"] & networks["plugins"] == set()
    assert not set(composed.environment("plugins-worker")) & {"AUTH_TARGET", "TASKS_TARGET", "GPU_TARGETS", "NATS_URL"}


def test_where_nothing_else_is_said_plugins_know_both_names_of_loopback_by_the_ports_of_the_site() -> None:
    variables = {**_drawn(), "DAYDREAM_WEB_PORT": "9000", "DAYDREAM_PLUGINS_PORT": "9014"}

    file = yaml.safe_load(_interpolated((ROOT / "deploy" / "compose.yaml").read_text(), variables))

    told = file["services"]["plugins-worker"]["environment"]
    rules = UrlRules(rewrites=tuple((re.compile(each), put) for each, put in json.loads(told["URL_MAP"]).items()))
    assert told["PLUGIN_HOST_ORIGINS"] == "http://127.0.0.1:9000,http://localhost:9000"
    assert told["SERVER_NAME"] == "127.0.0.1:9014"
    assert file["services"]["web"]["environment"]["WEB_PLUGINS_URL"] == "http://127.0.0.1:9014"
    for name in ("127.0.0.1", "localhost"):
        assert rules.rewrite(f"http://{name}:9000/linked/a") == "http://web:8000/linked/a"
        assert rules.rewrite(f"http://{name}:9014/files/a") == "http://plugins:8014/files/a"


def test_a_site_behind_tls_is_known_by_its_own_names_alone() -> None:
    outside = {"STUDIO_ORIGIN": "https://s.example", "PLUGINS_SCHEME": "https", "PLUGINS_NAME": "p.example"}
    variables = {**_drawn(), **{f"DAYDREAM_{name}": value for name, value in outside.items()}}

    file = yaml.safe_load(_interpolated((ROOT / "deploy" / "compose.yaml").read_text(), variables))

    told = file["services"]["plugins"]["environment"]
    assert (told["PLUGIN_HOST_ORIGINS"], told["SERVER_NAME"]) == ("https://s.example", "p.example")
    assert json.loads(told["URL_MAP"]) == {
        "^https://s.example/": "http://web:8000/", "^https?://p.example/": "http://plugins:8014/",
    }  # fmt: skip
    assert file["services"]["web"]["environment"]["WEB_PLUGINS_URL"] == "https://p.example"


async def test_the_plugin_host_hears_events_and_can_tell_none(composed: Composed) -> None:
    complaints: asyncio.Queue[str] = asyncio.Queue()

    async def complained(error: Exception) -> None:
        complaints.put_nowait(str(error))

    async with await nats.connect(composed.environment("plugins")["NATS_URL"], error_cb=complained) as client:
        await client.subscribe(f"{events.SESSION_ENDED}.*")
        for prefix in (events.USER_DELETED, events.TASK_ENDED):
            await client.publish(f"{prefix}.forged", b"")
        async with asyncio.timeout(60):
            said = [await complaints.get(), await complaints.get()]

    assert [f"{events.USER_DELETED}.forged" in said[0], f"{events.TASK_ENDED}.forged" in said[1]] == [True, True], said
    assert complaints.empty()
