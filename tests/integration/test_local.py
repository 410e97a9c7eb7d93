"""`make run`: it starts everything, survives what dies, keeps the data, and says in a sentence why it cannot."""

import contextlib
import dataclasses
import io
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import PIL.Image
import psutil
import pytest

from deploy import data_folder, environment, local, processes
from deploy.refusal import CannotRun
from tests.support.stack import ROOT, Stack

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data with space"


def _refusal(data: Path, **changes: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local"],
        cwd=ROOT, env={**os.environ, "DAYDREAM_DATA_DIR": str(data), **changes},
        capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip()


def test_a_taken_port_is_one_sentence_that_names_the_way_out(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        said = _refusal(data, DAYDREAM_WEB_PORT=str(port))

    assert said.count("\n") == 0
    assert f"Port {port} is taken" in said
    assert "DAYDREAM_WEB_PORT" in said


@pytest.mark.parametrize("port", ["web", "0", "70000", "-1"])
def test_a_port_that_is_none_is_one_sentence(data: Path, port: str) -> None:
    said = _refusal(data, DAYDREAM_WEB_PORT=port)

    assert said.count("\n") == 0
    assert "is not a port" in said


MODULES = ("services.web", "services.plugins", "qhana_plugin_runner")


def _children(stack: Stack) -> dict[str, psutil.Process]:
    """What supervisord started, by module; the worker of plugins has children of the same name."""
    found: dict[str, psutil.Process] = {}
    (supervisor,) = psutil.Process(stack.process.pid).children()
    for process in supervisor.children():
        # One that was killed may still be on its way out.
        with contextlib.suppress(psutil.NoSuchProcess):
            line = " ".join(process.cmdline())
            for module in MODULES:
                if module in line:
                    found.setdefault(module, process)
    return found


def _runs(process: psutil.Process) -> bool:
    """Whether it has not ended; one that nobody has collected yet has."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _until(condition: object, *, seconds: float = 240) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Daydream:
    """A stack with plugins that a test may stop and start again, on the same data."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.own = data / "plugin-folder"
        self.own.mkdir(parents=True)
        (self.own / "broken_one.py").write_text("raise RuntimeError('nobody wrote it to its end')\n")
        self.start()

    def start(self) -> None:
        # What an operator has in the shell goes to everybody, save what is another service's.
        self.stack = Stack(self.data, {"AWS_SECRET_ACCESS_KEY": "of-storage"}, plugins=True).wait()


@pytest.fixture(scope="module")
def daydream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daydream]:
    running = Daydream(tmp_path_factory.mktemp("local") / "data with space")
    yield running
    running.stack.stop()


@pytest.mark.timeout(1500)
def test_it_starts_stops_cleanly_and_keeps_everything(daydream: Daydream) -> None:
    first, data = daydream.stack, daydream.data
    first_run = dict(first.first_run)
    mode = stat.S_IMODE((data / "first-run.json").stat().st_mode)
    second_at_once = _refusal(data)
    survivors = psutil.Process(first.process.pid).children(recursive=True)

    code = first.stop()
    still_there = [each for each in survivors if _runs(each)]
    daydream.start()

    again = daydream.stack
    assert code == 0
    assert still_there == []
    assert set(first_run) == {"url", "email", "password", "api_key"}
    assert mode == 0o600
    assert f"{first.url}" in first.output
    assert first_run["email"] in first.output
    assert first_run["password"] in first.output
    assert str(daydream.own) in first.output
    assert "already running" in second_at_once
    assert again.first_run == first_run
    assert "Traceback" not in first.output + again.output


@pytest.mark.parametrize("module", MODULES)
def test_what_is_killed_is_started_again(daydream: Daydream, module: str) -> None:
    killed = _children(daydream.stack)[module]

    killed.send_signal(signal.SIGKILL)

    _until(lambda: _children(daydream.stack).get(module) not in (None, killed))
    _until(lambda: _is_ready(daydream.stack.url) and _is_ready(daydream.stack.plugins_url))


def test_a_program_has_a_picture_drawn_by_one_plugin_and_made_smaller_by_another(daydream: Daydream) -> None:
    stack = daydream.stack
    by_key = {"Authorization": f"Bearer {stack.api_key}"}
    given = httpx.post(f"{stack.url}/api/v1/plugins/token", headers=by_key, timeout=60).json()
    by_token = {"Authorization": f"Bearer {given['token']}"}
    with httpx.Client(base_url=given["url"], headers=by_token, timeout=60) as host:
        listed = host.get("/plugins/").json()
        roots = {each["name"]: each["apiRoot"] for each in listed["plugins"]}

        drawn = _run_plugin(host, roots["text-to-image"], prompt="a red circle", steps="2", width="64", height="64")
        smaller = _run_plugin(host, roots["image-resize"], imageUrl=drawn["href"], width="16", height="16")

    picture = PIL.Image.open(io.BytesIO(httpx.get(smaller["href"], timeout=60).content))
    tasks = httpx.get(f"{stack.url}/api/v1/tasks", headers=by_key, timeout=60).json()
    assert given["url"] == stack.plugins_url
    assert [each["name"] for each in listed["failed"]] == ["broken_one"]
    assert drawn["dataType"] == "image/generated"
    assert picture.size == (16, 16)
    assert "a red circle" in json.dumps(tasks)
    assert httpx.get(f"{stack.plugins_url}/plugins/", timeout=60).status_code == 401


def _run_plugin(host: httpx.Client, root: str, **values: str) -> dict[str, str]:
    """Its output."""
    started = host.post(host.get(root).json()["entryPoint"]["href"], data=values)
    assert started.status_code == 303, started.text
    address = started.headers["location"]
    _until(lambda: host.get(address).json()["status"] != "PENDING")
    task = host.get(address).json()
    assert task["status"] == "SUCCESS", task
    (output,) = task["outputs"]
    return dict(output)


def test_plugins_code_runs_where_no_other_services_secret_is(daydream: Daydream) -> None:
    drawn = json.loads((daydream.data / "secrets.json").read_text())
    _until(_children(daydream.stack)["qhana_plugin_runner"].children)
    running = _children(daydream.stack)
    (child, *_) = running["qhana_plugin_runner"].children()

    told = {
        "host": running["services.plugins"].environ(),
        "worker": running["qhana_plugin_runner"].environ(),
        "child": child.environ(),
    }

    foreign = {drawn["web"], drawn["web_key"], drawn["tasks"], "of-storage"}
    assert {name: foreign & set(each.values()) for name, each in told.items()} == {name: set() for name in told}
    assert told["host"]["PLUGINS_SERVICE_SECRET"] == drawn["plugins"]
    assert [name for name, each in told.items() if drawn["plugins"] in each.values()] == ["host"]
    assert [name for name, each in told.items() if set(each) & {"AUTH_TARGET", "TASKS_TARGET", "NATS_URL"}] == ["host"]


@pytest.mark.rotating
def test_a_service_that_cannot_start_is_one_sentence(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    stack = Stack(data, {"GPU_MODEL": str(tmp_path / "empty"), "PLUGINS_THREADS": "1"}, plugins=True)
    code = stack.process.wait(timeout=400)
    stack.stop()

    assert code == 1
    assert "Going on without plugins" in stack.output
    assert "gpu cannot start" in stack.output
    assert str(tmp_path / "empty") in stack.output
    assert "Traceback" not in stack.output


@pytest.mark.parametrize(("plugins", "seconds", "why"), [("FATAL", 60, "cannot start"), ("RUNNING", 0, "did not get")])
def test_a_plugin_host_that_cannot_start_is_one_sentence_and_the_rest_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plugins: str, seconds: float, why: str
) -> None:
    (tmp_path / "plugins.log").write_text("Traceback\nBadSetting: no such thing\n")
    checks = {"web": lambda: True, "plugins": bool}

    without = local.wait_until_ready(
        lambda: {"plugins": plugins}, checks, tmp_path, threading.Event(), loading=bool, seconds=seconds
    )

    (said,) = capsys.readouterr().out.splitlines()
    assert without == {"plugins"}
    assert f"without plugins (DAYDREAM_PLUGINS=off leaves plugins out): plugins {why}" in said
    assert said.endswith(": BadSetting: no such thing")


def test_what_is_late_beside_the_plugin_host_ends_the_start(tmp_path: Path) -> None:
    late = {"plugins": bool, "tasks": bool}
    with pytest.raises(CannotRun, match="tasks did not get ready"):
        local.wait_until_ready(dict, late, tmp_path, threading.Event(), loading=bool, seconds=0)


def test_a_sign_in_is_drawn_once_and_a_crash_before_the_account_is_made_loses_nothing(tmp_path: Path) -> None:
    drawn = data_folder.FirstRun(tmp_path, "http://here")

    after_crash = data_folder.FirstRun(tmp_path, "http://here")

    assert (after_crash.password, after_crash.api_key) == (drawn.password, drawn.api_key)
    assert drawn.password in drawn.sign_in(account_is_new=True)


def test_whoever_deleted_the_file_is_told_no_password_that_is_none(tmp_path: Path) -> None:
    drawn = data_folder.FirstRun(tmp_path, "http://here")

    told = drawn.sign_in(account_is_new=False)

    assert "as before" in told
    assert drawn.password not in told
    assert not drawn.path.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_damaged_first_run_file_is_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "first-run.json").write_text(content)

    with pytest.raises(CannotRun, match="damaged"):
        data_folder.FirstRun(tmp_path, "http://here")


PORTS = processes.Ports(web=1, auth=2, tasks=3, gpu=4, nats=5, plugins=6)
SECRETS = processes.Secrets(
    web_key="the-key", web="of-web", tasks="of-tasks", plugins="of-plugins", plugins_key="plugins-key"
)


def test_the_process_file_gives_no_program_anothers_secret(tmp_path: Path) -> None:
    told = {each.name: " ".join(each.environment.values()) for each in processes.programs(PORTS, SECRETS, tmp_path)}

    assert [name for name, words in told.items() if "of-web" in words] == ["auth", "web"]
    assert [name for name, words in told.items() if "of-tasks" in words] == ["auth", "tasks"]
    assert [name for name, words in told.items() if "the-key" in words] == ["web"]
    assert [name for name, words in told.items() if "of-plugins" in words] == ["auth", "plugins"]
    assert [name for name, words in told.items() if "plugins-key" in words] == ["plugins", "plugins-worker"]


def test_where_plugins_run_the_operators_variables_of_other_services_are_taken_away(tmp_path: Path) -> None:
    inherited = {
        "TASKS_DATABASE_URL": "postgresql+psycopg://…", "AUTH_TARGET": "elsewhere", "NATS_URL": "nats://…", "HOME": "/",
        "PLUGINS_SERVICE_SECRET": "somebody's", "PLUGIN_FOLDERS": "/mine", "ALLOWED_URL_ORIGINS": "http://10.0.0.1",
    }  # fmt: skip

    chosen = {each.name: each for each in processes.programs(PORTS, SECRETS, tmp_path, inherited=inherited)}

    host, worker = chosen["plugins"], chosen["plugins-worker"]
    assert host.command[:3] == ("env", "-u", "TASKS_DATABASE_URL")
    assert host.command[3:] == (sys.executable, "-m", "services.plugins")
    assert set(worker.command[1:-4:2]) == {"-u"}
    assert set(worker.command[2:-4:2]) == {"AUTH_TARGET", "NATS_URL", "PLUGINS_SERVICE_SECRET", "TASKS_DATABASE_URL"}
    assert host.environment["PLUGIN_FOLDERS"] == f"{tmp_path / 'plugin-folder'}:/mine"
    assert worker.environment["ALLOWED_URL_ORIGINS"] == "http://10.0.0.1,http://127.0.0.1:1,http://localhost:1"


def test_without_the_plugin_host_nothing_speaks_of_it(tmp_path: Path) -> None:
    chosen = processes.programs(dataclasses.replace(PORTS, plugins=None), SECRETS, tmp_path)

    assert [each.name for each in chosen] == ["nats", "auth", "gpu", "tasks", "web"]
    assert not [name for each in chosen for name in each.environment if name.startswith("WEB_PLUGINS")]


def test_a_data_folder_of_before_the_plugin_host_gets_the_secrets_that_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text('{"web_key": "a", "web": "b", "tasks": "c"}')

    known = data_folder.read_secrets(tmp_path)

    assert (known.web_key, known.web, known.tasks) == ("a", "b", "c")
    assert known.plugins != known.plugins_key
    assert data_folder.read_secrets(tmp_path) == known


def test_whether_plugins_are_wanted_is_said_plainly(data: Path) -> None:
    said = _refusal(data, DAYDREAM_PLUGINS="perhaps")

    assert said == "Daydream cannot start. DAYDREAM_PLUGINS=perhaps is neither on nor off."


def test_make_env_draws_every_secret_and_keeps_the_rest() -> None:
    example = environment.EXAMPLE.read_text()

    first, second = environment.filled(example), environment.filled(example)

    drawn = [line for line in first.splitlines() if line not in example.splitlines()]
    assert len(drawn) == example.count("=\n")
    assert all(len(line.split("=")[1]) == 64 for line in drawn)
    assert set(drawn) & set(second.splitlines()) == set()


def test_make_env_adds_only_what_an_older_file_lacks() -> None:
    example = "A=\n# B=\nC=kept\nD=\n"

    lines = environment.lacking("A=secret\nC=own", example)

    assert lines.startswith("D=")
    assert len(lines) == len("D=\n") + 64
    assert environment.lacking(f"A=secret\n{lines}", example) == ""
