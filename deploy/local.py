"""`make run`: every service on this machine's loopback, under a supervisor, with embedded defaults.

It draws secrets once, migrates, makes the first staff account, starts the programs of `deploy.processes` under
supervisord, waits until a task could be submitted, prints where to go, and stops everything on Ctrl-C. Whatever keeps
it from doing so is one plain sentence.
"""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from deploy import data_folder, processes, readiness
from deploy.refusal import CannotRun, last_line, last_log_line
from deploy.supervision import Supervisor

EMAIL_TAKEN_EXIT: Final = 3
"""How create-staff says that the account is there already, as it is at every start but the first."""
START_SECONDS: Final = 180
SAY_SECONDS: Final = 15
"""How often to say what is still waited for."""
_DISPENSABLE: Final = frozenset({"plugins", "plugins-worker"})
"""What the studio draws without: others' code runs there, and may keep it from starting."""
_VARIABLES: Final = {
    "web": ("DAYDREAM_WEB_PORT", 8000),
    "auth": ("DAYDREAM_AUTH_PORT", 8011),
    "tasks": ("DAYDREAM_TASKS_PORT", 8012),
    "gpu": ("DAYDREAM_GPU_PORT", 8013),
    "nats": ("DAYDREAM_NATS_PORT", 8022),
    "plugins": ("DAYDREAM_PLUGINS_PORT", 8014),
}
_SWITCH: Final = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def wants_plugins() -> bool:
    """Whether the plugin host is started, as it is unless told otherwise. Raises CannotRun for no answer."""
    said = os.environ.get("DAYDREAM_PLUGINS", "on")
    if said.lower() not in _SWITCH:
        raise CannotRun(f"DAYDREAM_PLUGINS={said} is neither on nor off.")
    return _SWITCH[said.lower()]


def read_ports() -> processes.Ports:
    """Ports from the environment. Raises CannotRun for one that is no port, taken, or named twice."""
    chosen: dict[str, int] = {}
    wanted = {name: how for name, how in _VARIABLES.items() if name != "plugins" or wants_plugins()}
    for name, (variable, default) in wanted.items():
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


def _run_once(program: processes.Program, *arguments: str, stdin: str = "", also_good: int = 0) -> int:
    """Run one of a service's commands; its exit code. Raises CannotRun with the last line it printed."""
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
        raise CannotRun(f"{program.name} {arguments[0]} failed: {last_line(done.stderr)}")
    return done.returncode


def _do_without(name: str, reason: CannotRun) -> None:
    """Say so, and go on. Raises the reason where nothing goes on without it."""
    if name not in _DISPENSABLE:
        raise reason
    print(f"Going on without {name} (DAYDREAM_PLUGINS=off leaves plugins out): {reason}", flush=True)


def wait_until_ready(
    states: Callable[[], Mapping[str, str]],
    checks: Mapping[str, Callable[[], bool]],
    logs: Path,
    stop: threading.Event,
    *,
    loading: Callable[[], bool],
    seconds: float = START_SECONDS,
) -> frozenset[str]:
    """Return when a task could be submitted, or when told to stop; gives the dispensable programs that did not start.

    `states` are the supervisor's, `checks` what to wait for. Raises CannotRun for a service that cannot start. While a
    worker that is not ready yet is `loading` its model, or fetching it from a hub, it has all the time that takes.
    """
    waiting, without = dict(checks), set[str]()

    def do_without(name: str, reason: str) -> None:
        _do_without(name, CannotRun(reason))
        without.add(name)
        waiting.pop(name, None)

    deadline = time.monotonic() + seconds
    say = time.monotonic() + SAY_SECONDS
    while waiting and not stop.wait(0.2):
        for name, state in states().items():
            if state == "FATAL" and name not in without:
                do_without(name, f"{name} cannot start: {last_log_line(logs / f'{name}.log')}")
        for name in [name for name, check in waiting.items() if check()]:
            del waiting[name]
        if "gpu" in waiting and loading():
            deadline = time.monotonic() + seconds
        if time.monotonic() > deadline:
            # First what nothing goes on without.
            for name in sorted(waiting, key=_DISPENSABLE.__contains__):
                said = last_log_line(logs / f"{name}.log")
                do_without(name, f"{name} did not get ready within {seconds} s; its log in {logs} ends: {said}")
        if waiting and time.monotonic() > say:
            print(f"Still waiting for {', '.join(waiting)} …", flush=True)
            say = time.monotonic() + SAY_SECONDS
    return frozenset(without)


def watch(supervisor: Supervisor, logs: Path, stop: threading.Event) -> None:
    """Until told to stop: start again even what supervisord gave up on, and say so."""
    while not stop.wait(5):
        for name, state in supervisor.states().items():
            if state == "FATAL":
                print(f"{name} keeps stopping: {last_log_line(logs / f'{name}.log')} It is tried again.", flush=True)
                supervisor.start_again(name)


def run(stop: threading.Event) -> None:
    """Start everything, say so, and stop it when told. Raises CannotRun."""
    data = Path(os.environ.get("DAYDREAM_DATA_DIR", "var")).resolve()
    with data_folder.locked(data), tempfile.TemporaryDirectory(prefix="daydream-") as scratch:
        ports = read_ports()
        logs = data / "logs"
        logs.mkdir(exist_ok=True)
        processes.own_plugins(data).mkdir(exist_ok=True)
        url = f"http://127.0.0.1:{ports.web}"
        secrets = data_folder.read_secrets(data)
        programs = processes.programs(ports, secrets, data)
        print("Preparing the databases …", flush=True)
        if "plugins" not in _migrate(programs):
            ports = dataclasses.replace(ports, plugins=None)
            programs = processes.programs(ports, secrets, data)
        auth = next(program for program in programs if program.name == "auth")
        sign_in = _make_account(auth, data_folder.FirstRun(data, url))
        # The control socket's path must be short, the data folder's may not be.
        control, config = Path(scratch) / "control", Path(scratch) / "supervisord.conf"
        processes.write_supervisor_config(config, programs, logs=logs, socket=control)
        print("Starting the services …", flush=True)
        supervisor = Supervisor(config, control)
        try:
            without = wait_until_ready(
                supervisor.states, readiness.checks(ports, secrets), logs, stop,
                loading=partial(readiness.answers, ports.gpu),
            )  # fmt: skip
            if not stop.is_set():
                if ports.plugins and "plugins" not in without:
                    own = processes.own_plugins(data)
                    print(f"Plugins come from http://127.0.0.1:{ports.plugins}; put your own into {own}.", flush=True)
                print(f"Daydream is ready: {url}  ({sign_in})", flush=True)
            watch(supervisor, logs, stop)
            print("Stopping …", flush=True)
        finally:
            supervisor.stop()


def _migrate(programs: tuple[processes.Program, ...]) -> frozenset[str]:
    """Bring the databases up to date; the names of those that are. Raises CannotRun where nothing goes on without."""
    own_database = [program for program in programs if program.name in {"auth", "tasks", "plugins"}]

    def migrated(program: processes.Program) -> str | None:
        try:
            _run_once(program, "migrate")
        except CannotRun as reason:
            _do_without(program.name, reason)
            return None
        return program.name

    # At once, as each spends its time on starting Python.
    with ThreadPoolExecutor(len(own_database)) as threads:
        return frozenset(name for name in threads.map(migrated, own_database) if name)


def _make_account(auth: processes.Program, account: data_folder.FirstRun) -> str:
    """Make the first staff account; how to sign in, in words."""
    code = _run_once(
        auth, "create-staff", "--email", account.email, "--tokens", "1000",
        "--password-stdin", "--api-key-stdin",
        stdin=f"{account.password}\n{account.api_key}\n", also_good=EMAIL_TAKEN_EXIT,
    )  # fmt: skip
    return account.sign_in(account_is_new=code != EMAIL_TAKEN_EXIT)


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
    except OSError as error:
        print(f"Daydream cannot start. {error.filename or 'The system'}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
