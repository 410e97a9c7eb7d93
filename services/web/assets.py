"""Where static files lie, and the addresses they are served under.

The address holds a digest of all of them (`/static/1f3a…/js/shell.js`), so a browser may keep a file for ever and still
never mixes two versions: relative imports between modules and `url(…)` in style sheets carry the digest along, which a
query behind each name could not do.
"""

import functools
import gzip
import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Final

import anyio.to_thread
import flask_bootstrap
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

from services.web import lean

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


_IMPORT: Final = re.compile(r"""^(?:import|export)\b[^;]*?["'](\.{1,2}/[^"']+)["'];""", re.MULTILINE)


@functools.cache
def imported(name: str) -> tuple[str, ...]:
    """Every module that a module of ours imports, directly or not, in order of their names.

    A page links to them ahead, so that a browser need not read one to learn of the next.
    """
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        folder = PurePosixPath(current).parent
        for address in _IMPORT.findall((OURS / current).read_text(encoding="utf-8")):
            path = (OURS / folder / address).resolve().relative_to(OURS.resolve()).as_posix()
            if path not in found and path != name:
                found.add(path)
                waiting.append(path)
    return tuple(sorted(found))


_WORTH_IT: Final = frozenset({"text/css", "text/javascript", "application/javascript", "image/svg+xml"})


@functools.cache
def _packed(path: Path) -> bytes:
    """A file as small as it can be made: done once, as the files of a running process do not change."""
    content = path.read_bytes()
    if path.is_relative_to(OURS) and path.suffix in lean.OF:
        content = lean.OF[path.suffix](content.decode()).encode()
    return gzip.compress(content, compresslevel=9, mtime=0)


class Kept(StaticFiles):
    """Files that a browser may keep for ever; text travels compressed to who can read that."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file with its caching header."""
        response = await super().get_response(path, scope)
        kind = response.headers.get("content-type", "").partition(";")[0]
        if isinstance(response, FileResponse) and kind in _WORTH_IT:
            response = await self._smaller(response, Headers(scope=scope))
        if response.status_code in {200, 304}:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    async def _smaller(self, whole: FileResponse, asked: Headers) -> Response:
        whole.headers["Vary"] = "Accept-Encoding"
        # A range is one of the file as it lies there.
        if "gzip" not in asked.get("accept-encoding", "") or "range" in asked:
            return whole
        packed = await anyio.to_thread.run_sync(_packed, Path(whole.path))
        headers = {
            "Content-Encoding": "gzip",
            "Vary": "Accept-Encoding",
            # Other bytes than the file's, so another tag.
            "ETag": whole.headers["etag"].removesuffix('"') + '-gzip"',
        }
        response = Response(packed, headers=headers, media_type=whole.media_type)
        return NotModifiedResponse(response.headers) if self.is_not_modified(response.headers, asked) else response
