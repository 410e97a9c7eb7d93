"""What pages of other origins may do with the host: read it without credentials, and show it if they are the studio.

Micro frontends of one host fetch the files of another one, and neither knows the other beforehand. No answer depends
on a cookie that such a request could carry: with `*` a browser sends none, and shows the answer to nobody if it did.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from flask import Flask, Response, current_app, request

_METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_EXPOSED: Final = "Content-Disposition, Link, Location, X-Attribute-Metadata, X-Data-Type"
_PREFLIGHT_SECONDS: Final = 600


class Asked(Protocol):
    """The headers of a request, found in any case; Flask's and Starlette's are."""

    def get(self, key: str, /) -> str | None: ...
    def __contains__(self, key: str, /) -> bool: ...


def register_cross_origin(app: Flask) -> None:
    """Say so with every answer, and give templates the origins of the studio."""
    app.after_request(_let_read)
    app.after_request(_let_frame)
    app.context_processor(lambda: {"plugin_host_origins": list(app.config["PLUGIN_HOST_ORIGINS"])})


def headers_for(allowed: Sequence[str], asked: Asked, *, preflight: bool = False) -> dict[str, str]:
    """What an answer says to pages of other origins, `asked` being the request's headers."""
    asking = asked.get("Origin")
    if "*" in allowed:
        # Always, as a cache may give the answer to one who asks from elsewhere.
        headers = {"Access-Control-Allow-Origin": "*"}
    elif asking is None or asking not in allowed:
        return {"Vary": "Origin"}
    else:
        headers = {"Vary": "Origin", "Access-Control-Allow-Origin": asking}
    headers["Access-Control-Expose-Headers"] = _EXPOSED
    if preflight:
        headers["Access-Control-Allow-Methods"] = _METHODS
        headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
        if wanted := asked.get("Access-Control-Request-Headers"):
            headers["Access-Control-Allow-Headers"] = wanted
    return headers


def is_preflight(method: str, asked: Asked) -> bool:
    """Whether a browser asks what a page may do, before it does it; it shows nobody's credentials then."""
    return method == "OPTIONS" and "Access-Control-Request-Method" in asked


def _let_read(response: Response) -> Response:
    asked = request.headers
    told = headers_for(current_app.config["CORS_ORIGINS"], asked, preflight=is_preflight(request.method, asked))
    if told.pop("Vary", None):
        response.vary.add("Origin")
    for name, value in told.items():
        response.headers.setdefault(name, value)
    return response


def _let_frame(response: Response) -> Response:
    framing = current_app.config["PLUGIN_HOST_ORIGINS"]
    if framing and response.mimetype == "text/html":
        # A policy beside the one that a plugin may have: a browser holds to both.
        response.headers.add("Content-Security-Policy", f"frame-ancestors 'self' {' '.join(framing)}")
    return response
