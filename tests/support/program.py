"""A process that a test starts, kills, stops, wakes and starts again; what it says goes to a file."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support import sabotage
from tests.support.sabotage import Fault

ROOT: Final = Path(__file__).parents[2]


class Program:
    """`python -m …` with an environment of its own."""

    def __init__(self, name: str, command: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> None:
        """`command` is a module and its arguments. Nothing runs yet; `folder` is for its log."""
        self.name = name
        self._command = command
        self._environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.deaths = 0

    def start(self, *faults: Fault, clock: float = 0) -> None:
        """Run it, with these faults planted and its clock so many seconds ahead."""
        assert not self.runs, f"{self.name} runs already"
        command = sabotage.command(*self._command, faults=faults, clock=clock)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)

    @property
    def runs(self) -> bool:
        """Whether it is alive, stopped or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The number of its present or latest life."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=60)
            self.deaths += 1

    def stop(self) -> None:
        """SIGSTOP: it neither runs nor ends."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def terminate(self, *, seconds: float = 120) -> int:
        """SIGTERM; its exit code."""
        self._send(signal.SIGTERM)
        assert self._process is not None
        return self._process.wait(timeout=seconds)

    def died(self, *, seconds: float = 120) -> None:
        """Wait until a planted fault has killed it; raise AssertionError when it lives on, or ended otherwise."""
        assert self._process is not None
        try:
            code = self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} never reached its fault:\n{self.log[-2000:]}") from error
        assert code == -signal.SIGKILL, f"{self.name} ended with {code}:\n{self.log[-2000:]}"
        self.deaths += 1

    @property
    def log(self) -> str:
        """What it said so far, in all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
