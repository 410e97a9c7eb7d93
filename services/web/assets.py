"""Where static files lie, and the addresses they are served under.

The address holds a digest of all of them (`/static/1f3a…/js/shell.js`), so a browser may keep a file for ever and still
never mixes two versions: relative imports between modules and `url(…)` in style sheets carry the digest along, which a
query behind each name could not do.
"""

import functools
import hashlib
from pathlib import Path
from typing import Final

import flask_bootstrap
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

OURS: Final = Path(__file__).parent / "static"
BOOTSTRAP: Final = Path(flask_bootstrap.__file__).parent / "static" / "bootstrap5"


@functools.cache
def version() -> str:
    """Changes with every change of any file."""
    digest = hashlib.sha256(flask_bootstrap.Bootstrap5.bootstrap_version.encode())
    for path in sorted(each for each in OURS.rglob("*") if each.is_file()):
        digest.update(path.relative_to(OURS).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def root() -> str:
    """The path that our own files are served under."""
    return f"/static/{version()}"


def url(name: str) -> str:
    """The address of one of our own files."""
    return f"{root()}/{name}"


class Kept(StaticFiles):
    """Files that a browser may keep for ever."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file with its caching header."""
        response = await super().get_response(path, scope)
        if response.status_code in {200, 304}:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
