"""`POST /plugins/imports`: a plugin's result into the timeline.

The browser fetches it from the plugin host and sends it on; the gateway itself fetches no address that a plugin names.
"""

import hashlib
from typing import Final

from daydream.tasks.v1 import tasks_pb2
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from services.foundation import errors
from services.web import present
from services.web.backends.imports import Imports
from services.web.streams import files, uploads

PATH: Final = "/plugins/imports"
_MOST_TITLE: Final = 512
_MOST_MAKER: Final = 64
_MOST_ADDRESS: Final = 2_000
_KEY_DIGITS: Final = 40


class Import:
    """Takes a picture in as it arrives; no more than a piece is held."""

    def __init__(self, imports: Imports, resolve: files.Resolve) -> None:
        """`resolve` says whose it is; nothing is read for a stranger."""
        self._imports, self._resolve = imports, resolve

    async def answer(self, request: Request) -> Response:
        """201 with the task, the same one for the same `output` again. Raises InvalidInput, TooMuch, Unavailable."""
        body = request.stream()
        try:
            visitor = await self._resolve(request)
            task = await self._imports.take(visitor, _header(request), uploads.pieces(body))
        except ClientDisconnect:
            # Nobody is there to read this.
            return Response(status_code=400)
        except errors.DaydreamError:
            await uploads.read_out(body)
            raise
        return JSONResponse(present.page_task(task), status_code=201)


def _header(request: Request) -> tasks_pb2.ImportHeader:
    """`title`, `from` (the plugin) and `output` (the result's address) of the query. Raises InvalidInput."""
    asked = request.query_params
    title, maker, output = (_words(asked.get(name, "")) for name in ("title", "from", "output"))
    missing = [name for name, value in (("title", title), ("from", maker), ("output", output)) if not value]
    if missing or len(output) > _MOST_ADDRESS:
        wrong = [errors.FieldViolation(field=name, description=f"{name} must be said.") for name in missing]
        wrong = wrong or [errors.FieldViolation(field="output", description="output is too long.")]
        raise errors.InvalidInput.of(*wrong)
    # A press that is repeated, here or after a reload, is the same picture.
    digest = hashlib.sha256(output.encode()).hexdigest()[:_KEY_DIGITS]
    return tasks_pb2.ImportHeader(
        request_id=f"output:{digest}", title=title[:_MOST_TITLE], imported_from=maker[:_MOST_MAKER]
    )


def _words(text: str) -> str:
    """As a line of text that every message can hold."""
    return "".join(each if each.isprintable() else " " for each in text).strip()
