"""`make run`: every service on this machine's loopback, under a supervisor, with embedded defaults.

It draws secrets once, migrates, makes the first staff account, starts the programs of `deploy.processes` under
supervisord, waits until each says it is ready, prints where to go, and stops them all on Ctrl-C. Whatever keeps it from
doing so is one plain sentence.
"""

import contextlib
import ctypes
import dataclasses
import fcntl
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from supervisor.xmlrpc import SupervisorTransport

from deploy import processes, readiness

STAFF_EMAIL: Final = "staff@daydream.local"
EMAIL_TAKEN_EXIT: Final = 3
"""How create-staff says that the account is there already, as it is at every start but the first."""
START_SECONDS: Final = 180
_PR_SET_PDEATHSIG: Final = 1
_VARIABLES: Final = {
    "web": ("DAYDREAM_WEB_PORT", 8000),
    "auth": ("DAYDREAM_AUTH_PORT", 8011),
    "tasks": ("DAYDREAM_TASKS_PORT", 8012),
    "gpu": ("DAYDREAM_GPU_PORT", 8013),
    "nats": ("DAYDREAM_NATS_PORT", 8022),
}


class CannotRun(Exception):
    """Its text is the sentence that is printed."""


def read_ports() -> processes.Ports:
    """Ports from the environment. Raises CannotRun for one that is no port, taken, or named twice."""
    chosen: dict[str, int] = {}
    for name, (variable, default) in _VARIABLES.items():
        text = os.environ.get(variable, str(default))
        if not text.isdecimal() or not 0 < int(text) < 2**16:
            raise CannotRun(f"{variable}={text} is not a port; give a number from 1 to 65535.")
        if int(text) in chosen.values():
            raise CannotRun(f"{variable}={text} names a port that another service has; give each its own.")
        chosen[name] = int(text)
        with socket.socket() as probe:
            # As servers do, so that a port whose last connections are winding down counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", int(text)))
            except OSError as error:
                raise CannotRun(
                    f"Port {text} is taken ({os.strerror(error.errno or 0).lower()}): stop what listens there, "
                    f"or choose another with {variable}."
                ) from error
    return processes.Ports(**chosen)


@contextlib.contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the data folder for ourselves; two runs on one SQLite file would be two writers."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / "run.lock").open("a+")
    except OSError as error:
        raise CannotRun(f"The data folder {data} cannot be written: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotRun(f"Daydream is already running with the data folder {data}.") from error
        yield


def write_private(path: Path, content: dict[str, str]) -> None:
    """Write JSON that only its owner reads; whole or not at all."""
    aside = path.with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def read_secrets(data: Path) -> processes.Secrets:
    """The services' secrets, drawn at the first start."""
    path = data / "secrets.json"
    if not path.exists():
        write_private(path, {each.name: secrets.token_urlsafe(32) for each in dataclasses.fields(processes.Secrets)})
    try:
        return processes.Secrets(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise CannotRun(f"{path} is damaged; remove it and new secrets are drawn.") from error


def first_run(data: Path, url: str) -> tuple[dict[str, str], bool]:
    """The first staff account's sign-in and whether it is new: written once, before the account is made.

    So a crash between the two leaves nothing that the next start does not finish.
    """
    path = data / "first-run.json"
    if path.exists():
        return json.loads(path.read_text()), False
    account = {
        "url": url,
        "email": STAFF_EMAIL,
        "password": secrets.token_urlsafe(12),
        "api_key": f"dd_{secrets.token_urlsafe(32)}",
    }
    write_private(path, account)
    return account, True


def _run_once(program: processes.Program, *arguments: str, stdin: str = "", also_good: int = 0) -> None:
    """Run one of a service's commands. Raises CannotRun with the last line it printed."""
    done = subprocess.run(
        [*program.command, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=processes.ROOT,
        env={**os.environ, **program.environment},
        check=False,
    )
    if done.returncode not in (0, also_good):
        raise CannotRun(f"{program.name} {arguments[0]} failed: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


class Supervisor:
    """supervisord as a child that goes when we go."""

    def __init__(self, config: Path, control: Path) -> None:
        """Start it; its own words go to its log."""
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(config)]
        # A session of its own: Ctrl-C reaches only us, and we stop the programs in order.
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no thread of ours runs yet
        )
        self._control = control

    @property
    def _rpc(self) -> Any:
        # A connection each time: one that failed while supervisord was starting cannot be used again.
        transport = SupervisorTransport(None, None, f"unix://{self._control}")
        return xmlrpc.client.ServerProxy("http://local", transport).supervisor

    def states(self) -> dict[str, str]:
        """Program → STARTING, RUNNING, BACKOFF, FATAL …; empty while supervisord itself starts."""
        if self._process.poll() is not None:
            assert self._process.stderr is not None
            raise CannotRun(f"The supervisor stopped: {_last_line(self._process.stderr.read().decode())}")
        try:
            return {each["name"]: each["statename"] for each in self._rpc.getAllProcessInfo()}
        except (OSError, http.client.HTTPException):
            return {}

    def start_again(self, name: str) -> None:
        """Try a program once more that supervisord gave up on."""
        self._rpc.startProcess(name, False)

    def stop(self) -> None:
        """Stop every program and supervisord; returns when they are gone."""
        self._process.terminate()
        self._process.wait()


def _die_with_parent() -> None:
    # Linux only: elsewhere a killed launcher leaves its children, and the next start says which port they hold.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def wait_until_ready(
    supervisor: Supervisor, ports: processes.Ports, secrets_: processes.Secrets, logs: Path, stop: threading.Event
) -> None:
    """Return when a task could be submitted, or when told to stop. Raises CannotRun for a service that cannot start."""
    waiting = readiness.checks(ports, secrets_)
    deadline = time.monotonic() + START_SECONDS
    while waiting and not stop.wait(0.2):
        for name, state in supervisor.states().items():
            if state == "FATAL":
                raise CannotRun(f"{name} cannot start: {_last_log_line(logs / f'{name}.log')}")
        waiting = {name: check for name, check in waiting.items() if not check()}
        if time.monotonic() > deadline:
            raise CannotRun(f"{', '.join(waiting)} did not get ready within {START_SECONDS} s; the logs are in {logs}.")


def _last_log_line(path: Path) -> str:
    return _last_line(path.read_text(errors="replace") if path.exists() else "")


def watch(supervisor: Supervisor, logs: Path, stop: threading.Event) -> None:
    """Until told to stop: start again even what supervisord gave up on, and say so."""
    while not stop.wait(5):
        for name, state in supervisor.states().items():
            if state == "FATAL":
                print(f"{name} keeps stopping: {_last_log_line(logs / f'{name}.log')} It is tried again.", flush=True)
                supervisor.start_again(name)


def run(stop: threading.Event) -> None:
    """Start everything, say so, and stop it when told. Raises CannotRun."""
    data = Path(os.environ.get("DAYDREAM_DATA_DIR", "var")).resolve()
    with locked(data), tempfile.TemporaryDirectory(prefix="daydream-") as scratch:
        ports = read_ports()
        logs = data / "logs"
        logs.mkdir(exist_ok=True)
        url = f"http://127.0.0.1:{ports.web}"
        drawn = read_secrets(data)
        chosen = processes.programs(ports, drawn, data)
        by_name = {program.name: program for program in chosen}
        print("Preparing the databases …", flush=True)
        for name in ("auth", "tasks"):
            _run_once(by_name[name], "migrate")
        account, is_new = first_run(data, url)
        _run_once(
            by_name["auth"], "create-staff", "--email", account["email"], "--tokens", "1000",
            "--password-stdin", "--api-key-stdin",
            stdin=f"{account['password']}\n{account['api_key']}\n", also_good=EMAIL_TAKEN_EXIT,
        )  # fmt: skip
        # The control socket's path must be short, the data folder's may not be.
        control = Path(scratch) / "control"
        config = Path(scratch) / "supervisord.conf"
        processes.write_supervisor_config(config, chosen, logs=logs, socket=control)
        print("Starting the services …", flush=True)
        supervisor = Supervisor(config, control)
        try:
            wait_until_ready(supervisor, ports, drawn, logs, stop)
            if not stop.is_set():
                password = account["password"] if is_new else f"as in {data / 'first-run.json'}"
                print(f"Daydream is ready: {url}  (sign in as {account['email']}, password {password})", flush=True)
            watch(supervisor, logs, stop)
            print("Stopping …", flush=True)
        finally:
            supervisor.stop()


def main() -> int:
    """Run until Ctrl-C or SIGTERM; the exit code says whether it could."""
    stop = threading.Event()

    def told(_number: int, _frame: types.FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, told)
    signal.signal(signal.SIGTERM, told)
    try:
        run(stop)
    except CannotRun as reason:
        print(f"Daydream cannot start. {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
