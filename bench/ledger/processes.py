"""Programs started for a measurement: their output in a file, ended whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.ledger import environments

START_SECONDS: Final = 60
STOP_SECONDS: Final = 8


class Program:
    """One that runs, in a session of its own, so that what it starts can be ended with it."""

    def __init__(self, command: Sequence[str | Path], *, environment: Mapping[str, str], log: Path) -> None:
        """Start it."""
        self.log = log
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                command, cwd=environments.ROOT, env=environment, stdout=file, stderr=file, start_new_session=True
            )

    def kill(self) -> None:
        """End it as a crash would."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def pause(self) -> None:
        """Stop it in its tracks: its connections stay open and say nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """Ask it to end, and end it if it does not; its children too."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=STOP_SECONDS)
        if self.process.poll() is None:
            self.kill()
        with contextlib.suppress(ProcessLookupError):
            # Whatever it left behind is still in its session.
            os.killpg(self.process.pid, signal.SIGKILL)

    def wait_until_it_listens(self, port: int) -> None:
        """Return once it does. Raises RuntimeError with what it wrote when it does not."""

        def listens() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
            return False

        self.wait_until(listens)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return once it holds. Raises RuntimeError with what the program wrote when it does not, or when it ends."""
        deadline = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < deadline:
            if holds():
                return
            # A short pause between looks at a condition, not a wait for time to pass.
            time.sleep(0.02)
        raise RuntimeError(f"did not start:\n{self.log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def running(command: Sequence[str | Path], *, environment: Mapping[str, str], log: Path) -> Iterator[Program]:
    """Run it while the block lasts."""
    program = Program(command, environment=environment, log=log)
    try:
        yield program
    finally:
        if program.process.poll() is None:
            program.stop()
