"""In a Celery worker: fetches the picture that a drawing begins from, under the URL rules. Nobody's token is here."""

from typing import IO, Final

import sqlalchemy as sa
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.requests import open_url_as_file_like
from qhana_plugin_runner.storage import STORE

from services.plugins.generation.models import Drawing, Stage

MOST_BYTES: Final = 20 * 1024 * 1024
"""What the ledger takes; whether it is a picture is the ledger's to say."""
_PIECE: Final = 256 * 1024


class StartImageRefused(ValueError):
    """A picture to begin from that cannot be used; says why in a sentence."""


@CELERY.task(name="daydream.fetch-start-image", ignore_result=True)
def fetch_start_image(db_id: int) -> None:
    """Keep the picture as a file of the processing task; whoever follows the drawing goes on with it."""
    drawing = DB.session.scalar(sa.select(Drawing).where(Drawing.task_id == db_id))
    if drawing is None or drawing.stage != Stage.FETCHING or drawing.start_url is None:
        # It was cancelled, or the run before was lost after it had done this.
        return
    with open_url_as_file_like(drawing.start_url) as (name, file, content_type):
        picture = _read(file)
    kept = STORE.persist_task_temp_file(db_id, picture, name or "start-image", content_type, commit=False)
    DB.session.flush()
    drawing.start_file, drawing.stage = kept.id, Stage.DRAWING
    DB.session.commit()


def _read(file: IO[bytes]) -> bytes:
    pieces, size = [], 0
    while piece := file.read(_PIECE):
        size += len(piece)
        if size > MOST_BYTES:
            raise StartImageRefused(f"The picture's file is larger than {MOST_BYTES // 1024**2} MB.")
        pieces.append(piece)
    if not pieces:
        raise StartImageRefused("The picture's file is empty.")
    return b"".join(pieces)
