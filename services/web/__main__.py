"""`python -m services.web` serves."""

import asyncio
import os
import secrets
import socket
import sys
from pathlib import Path

from services.foundation import listening, logs, serving, settings
from services.web.app import Gateway
from services.web.settings import WebSettings

log = logs.logger(__name__)


def main() -> int:
    """Serve until told to stop."""
    if len(sys.argv) > 1:
        raise settings.complain("usage: python -m services.web")
    config = settings.load(WebSettings)
    logs.configure("web", config.log_level)
    listener = listening.listen("WEB_BIND", config.bind)
    asyncio.run(serve(config, listener, secret_key=_secret_key(config)))
    return 0


async def serve(config: WebSettings, listener: socket.socket, *, secret_key: str) -> None:
    """Run the gateway on a socket that already listens."""
    gateway = Gateway(config, secret_key=secret_key)
    server = serving.Server(
        gateway.app,
        end_streams=gateway.hub.close,
        drain_seconds=config.drain_seconds,
        trusted_proxies=config.proxies,
    )
    log.info("listening", address=config.bind)
    await server.serve(sockets=[listener])


def _secret_key(config: WebSettings) -> str:
    """The configured key, or one of our own that outlives a restart."""
    if config.secret_key is not None and config.secret_key.get_secret_value():
        return config.secret_key.get_secret_value()
    path = config.data_dir / "web" / "secret-key"
    try:
        return _kept_key(path)
    except OSError as error:
        raise settings.complain(f"WEB_SECRET_KEY is not set and {path} cannot be written: {error.strerror}") from error


def _kept_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
        fresh.replace(path)
    return path.read_text(encoding="ascii").strip()


if __name__ == "__main__":
    sys.exit(main())
