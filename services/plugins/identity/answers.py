"""How the gate says no: a small page for a browser that navigates, JSON for everything else."""

import base64
import hashlib
import html
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, Response

SIGN_IN_NEEDED: Final = "sign-in-needed"
"""What the page says to the studio round it, which then brings a new code."""
_AGAIN_SECONDS: Final = 5
_SCRIPT: Final = """
for (const origin of document.body.dataset.studio.split(" ").filter(Boolean)) {
  if (parent !== window) parent.postMessage(document.body.dataset.message, origin);
}
"""
_STYLE: Final = "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1rem}"
_PAGE: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>{style}</style></head>
<body data-studio="{studio}" data-message="{message}">
<h1>{title}</h1>
<p>{sentence}</p>
{link}
<script>{script}</script>
</body>
</html>
"""


class Answers:
    """The gate's answers; they let the studio alone show them in a frame."""

    def __init__(self, studio: Sequence[str]) -> None:
        """`studio` is PLUGIN_HOST_ORIGINS, the first of which is linked to."""
        self._studio = tuple(studio)

    def sign_in_first(self, method: str, headers: Headers) -> Response:
        """401."""
        sentence = "Plugins are used from the studio, which opens this page once you have signed in there."
        if wants_page(method, headers):
            return self._page(HTTPStatus.UNAUTHORIZED, "Sign in first", sentence, message=SIGN_IN_NEEDED)
        message = "Sign in first: open this from the studio, or send a token as Authorization: Bearer."
        return _json(HTTPStatus.UNAUTHORIZED, message, {"WWW-Authenticate": 'Bearer realm="plugins"'})

    def try_again(self, method: str, headers: Headers) -> Response:
        """503: who it is cannot be found out."""
        sentence = "Who you are cannot be found out at the moment. Try again in a moment."
        status = HTTPStatus.SERVICE_UNAVAILABLE
        if wants_page(method, headers):
            answer = self._page(status, "Not now", sentence)
            answer.headers["Retry-After"] = str(_AGAIN_SECONDS)
            return answer
        return _json(status, sentence, {"Retry-After": str(_AGAIN_SECONDS)})

    def _page(self, status: HTTPStatus, title: str, sentence: str, *, message: str = "") -> Response:
        first = html.escape(self._studio[0]) if self._studio else ""
        text = _PAGE.format(
            title=title,
            style=_STYLE,
            studio=html.escape(" ".join(self._studio)) if message else "",
            message=message,
            sentence=sentence,
            link=f'<p><a href="{first}/plugins" target="_top">Go to the studio</a></p>' if first else "",
            script=_SCRIPT,
        )
        policy = (
            f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; base-uri 'none'; "
            f"form-action 'none'; frame-ancestors {' '.join(self._studio) or chr(39) + 'none' + chr(39)}"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        return HTMLResponse(text, status_code=status, headers=headers)


def wants_page(method: str, headers: Headers) -> bool:
    """Whether a person looks at what comes back: the browser navigates, itself or a frame."""
    mode = headers.get("sec-fetch-mode")
    navigates = mode == "navigate" if mode is not None else "text/html" in headers.get("accept", "")
    return method in {"GET", "HEAD"} and navigates


def _json(status: HTTPStatus, message: str, headers: dict[str, str]) -> Response:
    # As flask-smorest words its errors, which is what programs of this API know.
    body = {"code": int(status), "status": status.phrase, "message": message}
    return JSONResponse(body, status_code=status, headers={**headers, "Cache-Control": "no-store"})


def _hash(inline: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
