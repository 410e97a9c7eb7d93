"""What pages of other origins may do with the host: read it without credentials, and show it if they are the studio.

Micro frontends of one host fetch the files of another one, and neither knows the other beforehand. No answer depends
on a cookie that such a request could carry: with `*` a browser sends none, and shows the answer to nobody if it did.
"""

from typing import Final

from flask import Flask, Response, current_app, request

_METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_EXPOSED: Final = "Content-Disposition, Link, Location, X-Attribute-Metadata, X-Data-Type"
_PREFLIGHT_SECONDS: Final = 600


def register_cross_origin(app: Flask) -> None:
    """Say so with every answer, and give templates the origins of the studio."""
    app.after_request(_let_read)
    app.after_request(_let_frame)
    app.context_processor(lambda: {"plugin_host_origins": list(app.config["PLUGIN_HOST_ORIGINS"])})


def _let_read(response: Response) -> Response:
    allowed, headers = current_app.config["CORS_ORIGINS"], response.headers
    asking = request.headers.get("Origin")
    if "*" in allowed:
        # Always, as a cache may give the answer to one who asks from elsewhere.
        headers.setdefault("Access-Control-Allow-Origin", "*")
    else:
        response.vary.add("Origin")
        if asking not in allowed:
            return response
        headers.setdefault("Access-Control-Allow-Origin", asking)
    headers.setdefault("Access-Control-Expose-Headers", _EXPOSED)
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        headers.setdefault("Access-Control-Allow-Methods", _METHODS)
        headers.setdefault("Access-Control-Max-Age", str(_PREFLIGHT_SECONDS))
        if wanted := request.headers.get("Access-Control-Request-Headers"):
            headers.setdefault("Access-Control-Allow-Headers", wanted)
    return response


def _let_frame(response: Response) -> Response:
    framing = current_app.config["PLUGIN_HOST_ORIGINS"]
    if framing and response.mimetype == "text/html":
        # A policy beside the one that a plugin may have: a browser holds to both.
        response.headers.add("Content-Security-Policy", f"frame-ancestors 'self' {' '.join(framing)}")
    return response
