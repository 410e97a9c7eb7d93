"""`python -m tests.support.power_scenario FOLDER`: keeps an image and an upload, and prints what that did to files.

A process of its own, as the recorder stands in for functions of `os` and never gives them back.
"""

import asyncio
import base64
import datetime as dt
import json
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path

from services.tasks.files.images import ImageFiles
from services.tasks.files.intake import Intake
from services.tasks.files.storage import open_storage
from services.tasks.files.uploads import Uploads
from services.tasks.values import Upload
from tests.support.fake_parts import picture
from tests.support.fake_worker import png
from tests.support.ledger_rows import PARAMETERS
from tests.support.power import Recorder

TASK_ID = "aB3cD4eF5gH6iJ7kL8mN9o"


class Rows:
    """Uploads' rows, of which the first is all there is to see."""

    def __init__(self, recorder: Recorder) -> None:
        """There is none."""
        self._recorder = recorder

    async def add(self, upload: Upload, *, most: int) -> Sequence[str]:
        """From here on the file must be there."""
        self._recorder.row(upload.path)
        return ()

    async def find(self, user_id: str, upload_id: str) -> Upload | None:
        """Nobody looks."""
        return None

    async def remove_unused(self, older_than: dt.timedelta) -> Sequence[str]:
        """Nothing is forgotten."""
        return ()


async def keep(folder: Path, recorder: Recorder) -> None:
    """Two images of a task, the second in a folder that is there already, and an upload."""
    storage = open_storage(str(folder / "images"))
    images = ImageFiles(storage)
    for index in range(2):
        image = await images.save(
            picture(index, 7 + index), task_id=TASK_ID, index=index, attempt=1, parameters=PARAMETERS
        )
        # The ledger writes the row when `save` has returned, not before.
        recorder.row(f"images/{image.path}")
    uploads = Uploads(rows=Rows(_Below(recorder)), storage=storage, intake=Intake())

    async def pieces() -> AsyncIterator[bytes]:
        yield png(9, 64, 64)

    await uploads.take("ada", pieces(), dt.datetime.now(dt.UTC))


class _Below(Recorder):
    """The same record for who knows paths from the images' folder only."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def row(self, path: str) -> None:
        """From here on a row speaks of the file."""
        self._recorder.row(f"images/{path}")


def main() -> None:
    """Do it, and print the record and the files."""
    folder = Path(sys.argv[1])
    recorder = Recorder(folder)
    recorder.stand_in()
    sys.addaudithook(recorder.begun)
    asyncio.run(keep(folder, recorder))
    acts = [{**asdict(act), "data": base64.b64encode(act.data).decode()} for act in recorder.acts]
    print(json.dumps(acts))


if __name__ == "__main__":
    main()
