"""`make run`: it starts everything, survives what dies, keeps the data, and says in a sentence why it cannot."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from deploy import data_folder, environment, processes
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
        capture_output=True, text=True, timeout=60, check=False,
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


def _children(stack: Stack) -> dict[str, psutil.Process]:
    everyone = psutil.Process(stack.process.pid).children(recursive=True)
    lines = {process: " ".join(process.cmdline()) for process in everyone}
    return {
        name: process
        for name in ("auth", "tasks", "gpu", "web")
        for process, line in lines.items()
        if f"services.{name}" in line
    }


def _until(condition: object, *, seconds: float = 60) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def _is_ready(stack: Stack) -> bool:
    try:
        with urllib.request.urlopen(f"{stack.url}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.timeout(400)
def test_it_starts_stops_cleanly_and_keeps_everything(data: Path) -> None:
    first = Stack(data).wait()
    first_run = dict(first.first_run)
    mode = stat.S_IMODE((data / "first-run.json").stat().st_mode)
    second_at_once = _refusal(data)
    web = _children(first)["web"]
    web.send_signal(signal.SIGKILL)
    _until(lambda: _is_ready(first) and _children(first).get("web") not in (None, web))
    survivors = psutil.Process(first.process.pid).children(recursive=True)

    code = first.stop()
    again = Stack(data).wait()
    signed_in = dict(again.first_run)
    again.stop()

    assert code == 0
    assert [each for each in survivors if each.is_running()] == []
    assert set(first_run) == {"url", "email", "password", "api_key"}
    assert mode == 0o600
    assert f"{first.url}" in first.output
    assert first_run["email"] in first.output
    assert first_run["password"] in first.output
    assert "already running" in second_at_once
    assert signed_in == first_run
    assert "Traceback" not in first.output + again.output


def test_a_service_that_cannot_start_is_one_sentence(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    stack = Stack(data, {"GPU_MODEL": str(tmp_path / "empty")})
    code = stack.process.wait(timeout=120)
    stack.stop()

    assert code == 1
    assert "gpu cannot start" in stack.output
    assert str(tmp_path / "empty") in stack.output
    assert "Traceback" not in stack.output


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


def test_the_process_file_gives_no_program_anothers_secret(tmp_path: Path) -> None:
    ports = processes.Ports(web=1, auth=2, tasks=3, gpu=4, nats=5)
    secrets = processes.Secrets(web_key="the-key", web="of-web", tasks="of-tasks")

    told = {each.name: " ".join(each.environment.values()) for each in processes.programs(ports, secrets, tmp_path)}

    assert [name for name, words in told.items() if "of-web" in words] == ["auth", "web"]
    assert [name for name, words in told.items() if "of-tasks" in words] == ["auth", "tasks"]
    assert [name for name, words in told.items() if "the-key" in words] == ["web"]


def test_make_env_draws_every_secret_and_keeps_the_rest() -> None:
    example = environment.EXAMPLE.read_text()

    first, second = environment.filled(example), environment.filled(example)

    drawn = [line for line in first.splitlines() if line not in example.splitlines()]
    assert len(drawn) == example.count("=\n")
    assert all(len(line.split("=")[1]) == 64 for line in drawn)
    assert set(drawn) & set(second.splitlines()) == set()
