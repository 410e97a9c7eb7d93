"""The local process file: which programs `make run` starts, each with its own environment and nobody else's secrets."""

import configparser
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BINARIES: Final = Path(sys.executable).parent


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where everything listens, on loopback."""

    web: int
    auth: int
    tasks: int
    gpu: int
    nats: int


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What services prove who they are with; drawn once, kept in the data folder."""

    web_key: str
    """Signs the gateway's own cookies."""
    web: str
    """The gateway's service secret."""
    tasks: str
    """The ledger's service secret."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process under the supervisor."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """What it is told beyond the environment everybody inherits."""
    start_seconds: int = 3
    """One that stops sooner did not start; three times in a row, and the supervisor gives up on it."""
    stop_seconds: int = 40
    """How long it may take to drain before it is killed."""


def programs(ports: Ports, secrets: Secrets, data: Path) -> tuple[Program, ...]:
    """Everything that runs, in the order it is started; each waits by itself for what it needs."""
    addresses = {
        "DAYDREAM_DATA_DIR": str(data),
        "AUTH_TARGET": f"127.0.0.1:{ports.auth}",
        "TASKS_TARGET": f"127.0.0.1:{ports.tasks}",
        "GPU_TARGETS": f"127.0.0.1:{ports.gpu}",
        "NATS_URL": f"nats://127.0.0.1:{ports.nats}",
    }

    def service(name: str, *, start_seconds: int = 3, **environment: str) -> Program:
        return Program(
            name=name,
            command=(sys.executable, "-m", f"services.{name}"),
            environment={**addresses, **environment},
            start_seconds=start_seconds,
        )

    nats = (
        str(BINARIES / "nats-server"), "-c", str(ROOT / "deploy" / "nats.conf"),
        "-a", "127.0.0.1", "-p", str(ports.nats), "-sd", str(data / "nats"),
    )  # fmt: skip
    return (
        Program(name="nats", command=nats),
        service(
            "auth",
            AUTH_BIND=f"127.0.0.1:{ports.auth}",
            AUTH_SERVICE_SECRETS=f"web={secrets.web},tasks={secrets.tasks}",
        ),
        # torch alone takes seconds to import, and weights that cannot be used are found out only after that.
        service("gpu", start_seconds=20, GPU_BIND=f"127.0.0.1:{ports.gpu}"),
        service("tasks", TASKS_BIND=f"127.0.0.1:{ports.tasks}", TASKS_SERVICE_SECRET=secrets.tasks),
        service(
            "web",
            WEB_BIND=f"127.0.0.1:{ports.web}",
            WEB_SERVICE_SECRET=secrets.web,
            WEB_SECRET_KEY=secrets.web_key,
        ),
    )


def write_supervisor_config(path: Path, chosen: tuple[Program, ...], *, logs: Path, socket: Path) -> None:
    """Write supervisord's configuration, readable by its owner alone as it carries the secrets."""
    config = configparser.RawConfigParser()
    config["supervisord"] = {
        "nodaemon": "true",
        "logfile": _escape(str(logs / "supervisor.log")),
        "pidfile": _escape(str(socket.with_suffix(".pid"))),
        "childlogdir": _escape(str(logs)),
        "loglevel": "info",
    }
    config["unix_http_server"] = {"file": _escape(str(socket)), "chmod": "0600"}
    config["rpcinterface:supervisor"] = {
        "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
    }
    for order, program in enumerate(chosen):
        words = " ".join(_quote(word) for word in program.command)
        environment = ",".join(f"{name}={_quote(value)}" for name, value in program.environment.items())
        config[f"program:{program.name}"] = {
            "command": _escape(words),
            "directory": _escape(str(ROOT)),
            "environment": _escape(environment),
            "priority": str(order),
            "autorestart": "true",
            "startsecs": str(program.start_seconds),
            "startretries": "3",
            "stopsignal": "TERM",
            "stopwaitsecs": str(program.stop_seconds),
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": _escape(str(logs / f"{program.name}.log")),
            "stdout_logfile_maxbytes": "10MB",
            "stdout_logfile_backups": "2",
        }
    path.touch(mode=0o600)
    path.chmod(0o600)
    with path.open("w") as file:
        config.write(file)


def _escape(text: str) -> str:
    # supervisord expands %; nothing here is meant to be expanded.
    return text.replace("%", "%%")


def _quote(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
