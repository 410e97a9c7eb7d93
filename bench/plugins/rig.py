"""Our host as processes: one that serves, one that works, on SQLite in a folder."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from bench.ledger.environments import ROOT
from bench.ledger.processes import Program
from tests.support.ports import free_port

FOLDER: Final = Path(__file__).parent / "folder"
PLUGIN: Final = "/plugins/daydream-bench@v1-0-0"


@dataclass(frozen=True, kw_only=True)
class Host:
    """Running."""

    url: str
    serving: Program
    worker: Program

    def children(self) -> list[psutil.Process]:
        """The worker's children, which run tasks."""
        return psutil.Process(self.worker.process.pid).children()


@contextlib.contextmanager
def running(folder: Path, **settings: str) -> Iterator[Host]:
    """A host with the measured plugin and Daydream's own, and a worker with as many children as there are cores."""
    port = free_port()
    environment = {
        **os.environ,
        "DAYDREAM_DATA_DIR": str(folder),
        "PLUGINS_BIND": f"127.0.0.1:{port}",
        "PLUGINS_WORKER_PROCESSES": str(os.cpu_count() or 1),
        "PLUGIN_FOLDERS": str(FOLDER),
        "PLUGIN_PROBE_SECONDS": "0",
        **settings,
    }
    command = [sys.executable, "-m", "services.plugins"]
    subprocess.run([*command, "migrate"], env=environment, cwd=ROOT, check=True, capture_output=True)
    with contextlib.ExitStack() as stack:
        worker = Program([*command, "worker"], environment=environment, log=folder / "worker.log")
        stack.callback(worker.stop)
        serving = Program(command, environment=environment, log=folder / "serving.log")
        stack.callback(serving.stop)
        serving.wait_until_it_listens(port)
        worker.wait_until(lambda: " ready." in worker.log.read_text())
        yield Host(url=f"http://127.0.0.1:{port}", serving=serving, worker=worker)


def megabytes(process: psutil.Process) -> float:
    """What it has in memory now."""
    return float(process.memory_info().rss) / 1e6


def peak_megabytes(pid: int) -> float:
    """The most that a process ever had in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024 / 1e6
