"""Where the host is served, for its workers, where no setting says so: at its own machine, on the port it listens on.

Files and tasks have addresses of the host, which plugins give each other; a worker must know them as the host's own to
open them, and make them where there is no request. The serving process keeps its port in the instance folder, as its
server says it: never as a request does. An app of a test, which shares that folder with others, keeps it to itself.
"""

import contextlib
import json
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flask import Flask, Request, request
from werkzeug.routing import MapAdapter

_LOOPBACK: Final = ("127.0.0.1", "localhost")
_KEPT: Final = "served-at"
_CONNECTIONS: Final = ("gunicorn.socket", "werkzeug.socket")
_EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::", "::1"})  # noqa: S104 - compared, not bound


class Host(Flask):
    """A Flask app that makes addresses outside of requests also without SERVER_NAME, once it is served."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's."""
        made = super().create_url_adapter(request)
        if made is not None or request is not None or not (own := origins(self)):
            return made
        scheme, _, name = own[0].partition("://")
        return self.url_map.bind(
            name, script_name=self.config["APPLICATION_ROOT"] or "/", url_scheme=scheme, subdomain=""
        )


def register(app: Flask) -> None:
    """Keep where the app is served as soon as it is asked something; not where settings say it, or behind a proxy."""
    if app.config.get("OWN_URL_ORIGINS") or app.config.get("REVERSE_PROXY_COUNT"):
        return
    kept: list[str] = app.extensions.setdefault(_KEPT, [])

    @app.before_request
    def _keep() -> None:
        found = _of_server(request.environ)
        if found and found != kept:
            kept[:] = found
            if not app.testing:
                _write(app, found)
        elif not found and not kept and request.environ.get("SERVER_SOFTWARE") and not app.testing:
            # By now the port of an earlier start may be another program's.
            with contextlib.suppress(OSError):
                _file(app).unlink(missing_ok=True)


def origins(app: Flask) -> list[str]:
    """The host's own origins as its server has said them; none where it was never served, or settings say them."""
    if app.config.get("OWN_URL_ORIGINS"):
        return []
    if app.testing:
        return list(app.extensions.get(_KEPT, ()))
    try:
        told = json.loads(_file(app).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []


def configuration(app: Flask) -> Mapping[str, Any]:
    """The app's configuration, with the host's own origins in it."""
    own = origins(app)
    return {**app.config, "OWN_URL_ORIGINS": own} if own else app.config


def _of_server(environ: Mapping[str, Any]) -> list[str]:
    port = str(environ.get("SERVER_PORT") or "")
    # A test's client is no server. Behind a Unix socket is no port, and servers give the one that the request names.
    if not environ.get("SERVER_SOFTWARE") or not environ.get("REMOTE_ADDR") or not port.isascii() or not port.isdigit():
        return []
    name = str(environ.get("SERVER_NAME") or "")
    named = f"[{name}]" if ":" in name else name
    names = [named, *_LOOPBACK] if name not in _EVERYWHERE and named not in _LOOPBACK else list(_LOOPBACK)
    # Not `wsgi.url_scheme`, in which some servers repeat what a header of a proxy says.
    secure = any(isinstance(environ.get(each), ssl.SSLSocket) for each in _CONNECTIONS)
    scheme = "https" if secure else "http"
    return [f"{scheme}://{each}:{port}" for each in names]


def _file(app: Flask) -> Path:
    return Path(app.instance_path) / "served-at.json"


def _write(app: Flask, told: list[str]) -> None:
    fresh = _file(app).with_name(f"served-at.json.{os.getpid()}")
    try:
        fresh.write_text(json.dumps(told), encoding="utf-8")
        fresh.replace(_file(app))
    except OSError as error:
        app.logger.warning("workers will not know where the host is served: %s", error)
