"""Each service installs with its own extra and no other's weight."""

import json
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.support import ports

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
HEAVY = {"torch", "diffusers", "transformers"}
DATABASE = {"sqlalchemy", "psycopg", "aiosqlite", "alembic"}
PAGES = {"flask", "uvicorn", "starlette", "a2wsgi"}


def _resolved(extra: str, tmp_path: Path) -> set[str]:
    report = tmp_path / "report.json"
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet",
            "--report", report, "-c", "constraints.txt", f".[{extra}]",
        ],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    names = (each["metadata"]["name"] for each in json.loads(report.read_text())["install"])
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


@pytest.mark.rotating(4)
@pytest.mark.parametrize(
    ("extra", "needs", "spares"),
    [
        ("auth", {"grpcio", "argon2-cffi", "nats-py", *DATABASE}, HEAVY | PAGES),
        ("tasks", {"grpcio", "nats-py", "pillow", *DATABASE}, HEAVY | PAGES | {"argon2-cffi"}),
        ("gpu", {"grpcio", *HEAVY}, DATABASE | PAGES | {"argon2-cffi", "nats-py"}),
        ("plugins", {"grpcio", "nats-py", "celery", *DATABASE, *PAGES}, HEAVY | {"argon2-cffi"}),
    ],
)
def test_an_extra_brings_what_its_service_needs_and_nothing_of_the_others(
    extra: str, needs: set[str], spares: set[str], tmp_path: Path
) -> None:
    resolved = _resolved(extra, tmp_path)

    assert needs <= resolved
    assert resolved & spares == set()
    assert not {name for name in resolved if name.startswith("nvidia")}


@pytest.mark.rotating(3)
def test_web_alone_installs_and_starts_in_a_fresh_environment_without_torch(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    build: list[str | Path] = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", wheels, "."]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    wheel = next(wheels.glob("daydream-*.whl"))
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "-c",
        ROOT / "constraints.txt",
        f"{wheel}[web]",
    ]
    subprocess.run(install, check=True, capture_output=True, cwd=tmp_path)
    port = ports.free_port()

    server = subprocess.Popen(
        [python, "-m", "services.web"],
        cwd=tmp_path,
        env={"WEB_BIND": f"127.0.0.1:{port}", "WEB_SERVICE_SECRET": "s", "WEB_SECRET_KEY": "k" * 32, "PATH": ""},
        stderr=subprocess.PIPE,
    )
    try:
        ports.wait_for_port(port, seconds=240)
        page = httpx.get(f"http://127.0.0.1:{port}/", timeout=60)
    finally:
        server.terminate()
        server.wait(timeout=60)

    assert page.status_code == 200
    assert "Daydream" in page.text
    probe = "import importlib.util as u; print([n for n in ('torch', 'sqlalchemy', 'PIL') if u.find_spec(n)])"
    assert subprocess.run([python, "-c", probe], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_the_wheel_carries_migrations_templates_and_stubs(tmp_path: Path) -> None:
    build: list[str | Path] = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, "."]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)

    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())

    committed = subprocess.run(
        ["git", "ls-files", "services", "cli", "gen"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # The plugin host's package installs under the name that plugins import.
    host = "services/plugins/qhana_plugin_runner/"
    moved = (
        name.removeprefix("services/plugins/") if name.startswith(host) else name for name in committed.stdout.split()
    )
    files = {name.removeprefix("gen/") for name in moved}
    assert files - names == set()
