"""Archives as the gateway needs them, in memory: part of the made-up tasks."""

import io
import zipfile
from collections.abc import AsyncIterator
from typing import Any, Final

from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import errors, identity

PIECE_BYTES: Final = 1024


class FakeArchives(tasks_pb2_grpc.TaskServiceServicer):
    """Packs the images of the one who asks."""

    def __init__(self) -> None:
        """Nothing is packed yet."""
        super().__init__()
        self.archives: list[tasks_pb2.DownloadArchiveRequest] = []
        """What was asked for."""
        self.archive_breaks_after = 0
        """How many pieces of an archive arrive before its end is lost; 0 for all."""
        self.archives_open = 0
        """How many are read just now."""

    async def DownloadArchive(
        self: Any, request: tasks_pb2.DownloadArchiveRequest, _call: Any
    ) -> AsyncIterator[tasks_pb2.DownloadArchiveResponse]:
        """What it holds, then a ZIP file in small pieces."""
        self.archives.append(request)
        mine = [each for task in self._of(identity.caller().subject, request.session_id) for each in task.images]
        chosen = [each for each in mine if not request.image_ids or each.image_id in request.image_ids]
        if len(chosen) < len(request.image_ids):
            raise errors.NotFound("There is no such image.", reason="IMAGE_NOT_FOUND")
        if not chosen:
            raise errors.NotPossibleNow("There are no images to put into an archive.", reason="NO_IMAGES")
        yield tasks_pb2.DownloadArchiveResponse(
            archive=tasks_pb2.Archive(images=len(chosen), bytes=sum(each.bytes for each in chosen))
        )
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for each in chosen:
                archive.writestr(f"{each.image_id}.png", self.files[each.image_id])
        data = packed.getvalue()
        self.archives_open += 1
        try:
            for number, at in enumerate(range(0, len(data), PIECE_BYTES), start=1):
                yield tasks_pb2.DownloadArchiveResponse(data=data[at : at + PIECE_BYTES])
                if number == self.archive_breaks_after:
                    raise errors.Unavailable("tasks is away", reason="BROKEN")
        finally:
            self.archives_open -= 1
