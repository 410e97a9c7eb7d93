"""Starting and stopping the gateway as a process."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.ports import free_port, wait_for_port

COMMAND = [sys.executable, "-m", "services.web"]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A clean environment with what is needed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WEB_", "DAYDREAM_"))}
    return {**kept, "DAYDREAM_DATA_DIR": str(folder), "WEB_SERVICE_SECRET": "s", "DAYDREAM_DRAIN_SECONDS": "2", **more}


def started(env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run it to its own end."""
    return subprocess.run(COMMAND, env=env, capture_output=True, text=True, timeout=150, check=False)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"WEB_SERVICE_SECRET": ""}, "WEB_SERVICE_SECRET: "),
        ({"WEB_BIND": "8000"}, "WEB_BIND: '8000' is not host:port"),
        ({"WEB_TRUSTED_PROXIES": "10.0.0.1, everybody"}, "WEB_TRUSTED_PROXIES: everybody is no address and no network"),
        ({"WEB_COOKIE_SECURE": "perhaps"}, "WEB_COOKIE_SECURE: "),
        ({"WEB_BIND": "203.0.113.1:8000"}, "cannot listen on 203.0.113.1:8000: "),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, wrong: dict[str, str], sentence: str) -> None:
    ended = started(environment(tmp_path, **wrong))

    assert ended.returncode in {1, 2}
    assert ended.stderr.startswith(sentence)
    assert ended.stderr.count("\n") == 1


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        ended = started(environment(tmp_path, WEB_BIND=address))

    assert ended.returncode == 1
    assert ended.stderr == f"cannot listen on {address}: another program has taken the port\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    process = subprocess.Popen(
        COMMAND, env=environment(tmp_path, WEB_BIND=f"127.0.0.1:{port}"), stderr=subprocess.PIPE, text=True
    )
    wait_for_port(port)
    # The port listens a moment before the server does; an answer shows that it is all there.
    assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=60).status_code == 200

    process.send_signal(number)
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Traceback" not in errors
    key = tmp_path / "web" / "secret-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text()) >= 40


def test_the_gateway_needs_neither_torch_nor_a_database() -> None:
    forbid = (
        "import sys; import services.web.__main__; "
        "loaded = {'torch', 'diffusers', 'sqlalchemy', 'alembic', 'nats', 'PIL'} & set(sys.modules); "
        "sys.exit(str(loaded) if loaded else 0)"
    )

    ended = subprocess.run([sys.executable, "-c", forbid], capture_output=True, text=True, timeout=150, check=False)

    assert ended.returncode == 0, ended.stderr
