"""`/files/<id>/?file-id=<tag>`: files of tasks, for whoever knows the tag."""

import hmac
import unicodedata
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO, Any, Final
from urllib.parse import quote

import marshmallow as ma
import sqlalchemy as sa
from flask import Response, request
from flask.views import MethodView
from qhana_plugin_runner.api.refusals import refuse
from qhana_plugin_runner.api.util import MaBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.files import TaskFile
from qhana_plugin_runner.storage import STORE, LocalFileStore
from werkzeug.http import dump_options_header, parse_options_header, quote_etag

FILES_API = SecurityBlueprint("files-api", __name__, description="Files of tasks.", url_prefix="/files")
_PIECE: Final = 256 * 1024
_METADATA: Final = "entity/attribute-metadata"
_SHOWN: Final = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "text/plain", "text/csv", "application/json"}
)
"""What a browser may show where it stands; anything else, HTML and SVG above all, is a download."""


class TagSchema(MaBaseSchema):
    """What shows that one may read the file."""

    file_id = ma.fields.String(required=True, data_key="file-id", metadata={"description": "The file's tag."})


@FILES_API.route("/<int:file_id>/")
class FileView(MethodView):
    """A file."""

    @FILES_API.arguments(TagSchema(), location="query")
    @FILES_API.response(HTTPStatus.OK)
    def get(self, query: dict[str, Any], file_id: int) -> Response:
        """Its bytes, as they are read."""
        file = TaskFile.get_by_id(file_id)
        found = _open(file) if file is not None and _fits(file, query["file_id"]) else None
        if file is None or found is None:
            refuse(HTTPStatus.NOT_FOUND, message="File not found.")
        size, content = found
        response = Response(_pieces(content), headers=_headers(file, size))
        response.make_conditional(request.environ)
        return response


def _open(file: TaskFile) -> tuple[int, IO[bytes]] | None:
    """Its size and its bytes; None when its store is gone, keeps none, or has lost it."""
    try:
        store = STORE[file.storage_provider]
        return (store.size(file), store.open(file)) if isinstance(store, LocalFileStore) else None
    except (KeyError, FileNotFoundError):
        return None


def _fits(file: TaskFile, tag: str) -> bool:
    return bool(file.security_tag) and hmac.compare_digest(file.security_tag.encode(), tag.encode())


def _headers(file: TaskFile, size: int) -> dict[str, str]:
    kind = parse_options_header(file.mimetype or "")[0].lower()
    place = "inline" if kind in _SHOWN else "attachment"
    headers = {
        "Content-Type": _clean(file.mimetype) or "application/octet-stream",
        "Content-Length": str(size),
        "Content-Disposition": _disposition(place, file.file_name),
        "X-Content-Type-Options": "nosniff",
        # Opened by itself it is a page of no origin: nothing that a plugin put out can act as the host.
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "ETag": quote_etag(f"{file.id}-{file.created_at:%Y%m%d%H%M%S%f}"),
        "Cache-Control": "private, max-age=3600",
    }
    if file.file_type:
        headers["X-Data-Type"] = _clean(file.file_type)
    if (metadata := _metadata_url(file)) is not None:
        headers["X-Attribute-Metadata"] = metadata
    return headers


def _metadata_url(file: TaskFile) -> str | None:
    """Where the attributes of these entities are described: in what the same task put out, if that is one file."""
    kind = file.file_type or ""
    if not kind.startswith("entity/") or kind == _METADATA:
        return None
    ours = sa.select(TaskFile).where(TaskFile.task_id == file.task_id, TaskFile.file_type == _METADATA)
    found = DB.session.scalars(ours.limit(2)).all()
    try:
        return _clean(STORE.get_task_file_url(found[0])) if len(found) == 1 else None
    except (KeyError, NotImplementedError):
        return None


def _disposition(place: str, file_name: str) -> str:
    """Where it is shown and what it is called: `filename` always, as plugins look for it by that word alone."""
    name = "".join(each for each in file_name if each.isprintable())
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    names = {"filename": plain or "file"}
    if names["filename"] != name:
        names["filename*"] = f"UTF-8''{quote(name, safe='')}"
    return dump_options_header(place, names)


def _clean(value: str | None) -> str:
    """A plugin's text for a header: on one line, and in letters that headers have."""
    return "".join(each for each in (value or "") if each.isprintable()).encode("latin-1", "replace").decode("latin-1")


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    with content:
        while piece := content.read(_PIECE):
            yield piece
