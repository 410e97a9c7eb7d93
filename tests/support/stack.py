"""The whole stack as `make run` starts it: the launcher as a child, on free ports, with a data folder of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from tests.support import ports

ROOT = Path(__file__).parents[2]
NAMES = ("web", "auth", "tasks", "gpu", "nats", "plugins")


class Stack:
    """A running Daydream; `url`, `email`, `password` and `api_key` are those of its first-run.json."""

    def __init__(self, data: Path, environment: Mapping[str, str] | None = None, *, plugins: bool = False) -> None:
        """Start the launcher, with the plugin host where `plugins` are asked for; `wait` returns when it is ready."""
        self.data = data
        self.ports = {name: ports.free_port() for name in NAMES}
        chosen = {f"DAYDREAM_{name.upper()}_PORT": str(port) for name, port in self.ports.items()}
        self._lines: list[str] = []
        self._ready = threading.Event()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local"],
            cwd=ROOT,
            env={
                **os.environ,
                **chosen,
                "DAYDREAM_PLUGINS": "on" if plugins else "off",
                "DAYDREAM_DATA_DIR": str(data),
                **(environment or {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)
            if line.startswith("Daydream is ready"):
                self._ready.set()
        self._ready.set()

    @property
    def output(self) -> str:
        """Everything the launcher printed."""
        return "".join(self._lines)

    def wait(self, *, seconds: float = 300) -> "Stack":
        """Return when it is ready; raise with what it printed when it is not."""
        self._ready.wait(seconds)
        if "Daydream is ready" not in self.output:
            output = self.output
            self.stop()
            raise RuntimeError(f"the stack did not start:\n{output}")
        self.first_run: dict[str, str] = json.loads((self.data / "first-run.json").read_text())
        return self

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.ports['web']}"

    @property
    def plugins_url(self) -> str:
        """Where the plugin host is."""
        return f"http://127.0.0.1:{self.ports['plugins']}"

    @property
    def email(self) -> str:
        """The first staff account's address."""
        return self.first_run["email"]

    @property
    def password(self) -> str:
        """Its password."""
        return self.first_run["password"]

    @property
    def api_key(self) -> str:
        """Its API key."""
        return self.first_run["api_key"]

    def process_id(self, module: str) -> int:
        """The id of the process that runs a module, among all that the launcher started."""
        waiting = [self.process.pid]
        while waiting:
            process = waiting.pop()
            with contextlib.suppress(OSError):
                if module.encode() in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0"):
                    return process
                waiting += map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
        raise LookupError(module)

    def stop(self, *, number: int = signal.SIGINT, seconds: float = 60) -> int:
        """Stop as Ctrl-C does; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self._reader.join(timeout=5)
        return code


def temporary_data() -> tempfile.TemporaryDirectory[str]:
    """A data folder that goes away."""
    return tempfile.TemporaryDirectory(prefix="daydream-stack-")
