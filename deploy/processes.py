"""The local process file: which programs `make run` starts, each with its own environment and nobody else's secrets."""

import configparser
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BINARIES: Final = Path(sys.executable).parent
_OTHERS: Final = ("AUTH_", "TASKS_", "GPU_", "WEB_", "AWS_", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""How variables begin that are other services' business, their database URLs and keys among them."""
_OF_SERVING: Final = ("NATS_", "PLUGINS_SERVICE_SECRET")
"""And those that the plugin host's serving process alone is told."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where everything listens, on loopback."""

    web: int
    auth: int
    tasks: int
    gpu: int
    nats: int
    plugins: int | None = None
    """None leaves the plugin host out."""


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What services prove who they are with; drawn once, kept in the data folder."""

    web_key: str
    """Signs the gateway's own cookies."""
    web: str
    """The gateway's service secret."""
    tasks: str
    """The ledger's service secret."""
    plugins: str
    """The plugin host's service secret; plugins are imported into the process that has it."""
    plugins_key: str
    """Signs what the plugin host and its worker sign; no other service has it."""


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


def own_plugins(data: Path) -> Path:
    """The folder of plugins that people drop in; outside what the host writes."""
    return data / "plugin-folder"


def programs(
    ports: Ports, secrets: Secrets, data: Path, *, inherited: Mapping[str, str] = os.environ
) -> tuple[Program, ...]:
    """Everything that runs, in the order it is started; each waits by itself for what it needs.

    `inherited` is the environment that all of them get beside their own.
    """
    addresses = {
        "DAYDREAM_DATA_DIR": str(data),
        "AUTH_TARGET": f"127.0.0.1:{ports.auth}",
        "TASKS_TARGET": f"127.0.0.1:{ports.tasks}",
        "GPU_TARGETS": f"127.0.0.1:{ports.gpu}",
        "NATS_URL": f"nats://127.0.0.1:{ports.nats}",
    }

    def service(name: str, environment: Mapping[str, str], *, start_seconds: int = 3) -> Program:
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
            {
                "AUTH_BIND": f"127.0.0.1:{ports.auth}",
                "AUTH_SERVICE_SECRETS": f"web={secrets.web},tasks={secrets.tasks},plugins={secrets.plugins}",
            },
        ),
        # torch alone takes seconds to import, and weights that cannot be used are found out only after that.
        service("gpu", {"GPU_BIND": f"127.0.0.1:{ports.gpu}"}, start_seconds=20),
        service("tasks", {"TASKS_BIND": f"127.0.0.1:{ports.tasks}", "TASKS_SERVICE_SECRET": secrets.tasks}),
        service(
            "web",
            {
                "WEB_BIND": f"127.0.0.1:{ports.web}",
                "WEB_SERVICE_SECRET": secrets.web,
                "WEB_SECRET_KEY": secrets.web_key,
                **(_where_plugins_are(ports.plugins) if ports.plugins else {}),
            },
        ),
        *(_plugin_host(ports, secrets, addresses, inherited) if ports.plugins else ()),
    )


def _where_plugins_are(port: int) -> dict[str, str]:
    return {"WEB_PLUGINS_URL": f"http://127.0.0.1:{port}", "WEB_PLUGINS_TARGET": f"http://127.0.0.1:{port}"}


def _plugin_host(
    ports: Ports, secrets: Secrets, addresses: Mapping[str, str], inherited: Mapping[str, str]
) -> tuple[Program, Program]:
    """What serves plugins, and what runs their tasks. Others' code runs in both: they are told what they need."""
    data = Path(addresses["DAYDREAM_DATA_DIR"])
    # People may come by either name of loopback; a page of the one is another origin than a page of the other.
    studio = ",".join(f"http://{name}:{ports.web}" for name in ("127.0.0.1", "localhost"))
    both = {
        "DAYDREAM_DATA_DIR": str(data),
        "PLUGINS_BIND": f"127.0.0.1:{ports.plugins}",
        "SERVER_NAME": f"127.0.0.1:{ports.plugins}",
        "SECRET_KEY": secrets.plugins_key,
        "REQUIRE_LOGIN": "true",
        "PLUGIN_HOST_ORIGINS": studio,
        # Pictures are handed over as links of the gateway.
        "ALLOWED_URL_ORIGINS": _joined(",", inherited.get("ALLOWED_URL_ORIGINS", ""), studio),
        "PLUGIN_FOLDERS": _joined(":", str(own_plugins(data)), inherited.get("PLUGIN_FOLDERS", "")),
    }
    serving = {
        **both,
        **{name: addresses[name] for name in ("AUTH_TARGET", "TASKS_TARGET", "NATS_URL")},
        "PLUGINS_SERVICE_SECRET": secrets.plugins,
    }
    command = (sys.executable, "-m", "services.plugins")
    return (
        Program(
            name="plugins",
            command=(*_without(inherited, _OTHERS, told=serving), *command),
            environment=serving,
        ),
        Program(
            name="plugins-worker",
            command=(*_without(inherited, (*_OTHERS, *_OF_SERVING), told=both), *command, "worker"),
            environment=both,
            # It imports the host and every plugin before it could say that it cannot start.
            start_seconds=10,
            # A plugin's task may take hours; one that is cut off runs again after the next start.
            stop_seconds=20,
        ),
    )


def _without(inherited: Mapping[str, str], beginnings: tuple[str, ...], *, told: Mapping[str, str]) -> tuple[str, ...]:
    """What stands before a command so that it does not inherit variables that begin so."""
    names = sorted(name for name in inherited if name.startswith(beginnings) and name not in told)
    return ("env", *(word for name in names for word in ("-u", name))) if names else ()


def _joined(separator: str, *parts: str) -> str:
    return separator.join(part for part in parts if part)


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
