"""The gallery as the gateway needs it, in memory: it publishes images of the made-up tasks."""

import hashlib
import itertools
from collections.abc import AsyncIterator
from typing import Any, Final

from daydream.tasks.v1 import gallery_pb2, gallery_pb2_grpc, tasks_pb2

from services.foundation import errors, identity
from tests.support.gateway_accounts import now

WEBP: Final = b"RIFF$\x00\x00\x00WEBPVP8 "
PNG: Final = b"\x89PNG\r\n\x1a\n"


class FakeGallery(gallery_pb2_grpc.GalleryServiceServicer):
    """What is published or was found, newest first."""

    def __init__(self, tasks: Any) -> None:
        """`tasks` holds the images, their owners and their files."""
        self._tasks = tasks
        self.entries: dict[str, gallery_pb2.GalleryImage] = {}
        self.asked_by: list[str] = []
        self.refusal: errors.DaydreamError | None = None
        self._numbers = itertools.count(1)

    def found(self, prompt: str = "", *, width: int = 64, height: int = 64) -> gallery_pb2.GalleryImage:
        """A picture lies in the data folder; with a prompt, it tells what it was made with."""
        entry = gallery_pb2.GalleryImage(
            gallery_id=f"gallery-{next(self._numbers)}", width=width, height=height, published_time=now()
        )
        if prompt:
            entry.parameters.CopyFrom(
                tasks_pb2.Parameters(
                    prompt=prompt, negative_prompt="fog", model="daydream-mini", sampler="Euler a", steps=12,
                    guidance=3.5, width=width, height=height, seed=41, samples=1,
                )
            )  # fmt: skip
        self.entries[entry.gallery_id] = entry
        return entry

    def _image(self, image_id: str) -> tuple[tasks_pb2.Task, tasks_pb2.Image]:
        for task_id, task in self._tasks.tasks.items():
            for image in task.images:
                if image.image_id == image_id and self._tasks.owners[task_id] == identity.caller().subject:
                    return task, image
        raise errors.NotFound("There is no such image.", reason="IMAGE_NOT_FOUND")

    def _seen(self, gallery_id: str) -> gallery_pb2.GalleryImage:
        entry = self.entries.get(gallery_id)
        if entry is None or (entry.ruling.hidden and identity.caller().role is not identity.Role.STAFF):
            raise errors.NotFound("There is no such picture in the gallery.", reason="GALLERY_IMAGE_NOT_FOUND")
        return entry

    @staticmethod
    def _told(entry: gallery_pb2.GalleryImage) -> gallery_pb2.GalleryImage:
        caller, told = identity.caller(), gallery_pb2.GalleryImage()
        told.CopyFrom(entry)
        told.own = entry.owner_user_id == caller.subject
        if not told.own:
            told.image_id = ""
        if caller.role is not identity.Role.STAFF:
            told.owner_user_id = ""
            told.ClearField("ruling")
        return told

    async def PublishImage(self, request: Any, _call: Any) -> gallery_pb2.PublishImageResponse:
        """One that is there stays."""
        task, image = self._image(request.image_id)
        entry = next((each for each in self.entries.values() if each.image_id == image.image_id), None)
        if entry is None:
            entry = self.found()
            entry.width, entry.height, entry.bytes = image.width, image.height, image.bytes
            entry.owner_user_id, entry.image_id = identity.caller().subject, image.image_id
            entry.parameters.CopyFrom(task.parameters)
            entry.parameters.seed, entry.parameters.samples = image.seed, 1
            image.published = True
            await self._tasks.stored(task)
        return gallery_pb2.PublishImageResponse(gallery_image=self._told(entry))

    async def UnpublishImage(self, request: Any, _call: Any) -> gallery_pb2.UnpublishImageResponse:
        """One that is not there is no error."""
        task, image = self._image(request.image_id)
        for entry in [each for each in self.entries.values() if each.image_id == image.image_id]:
            del self.entries[entry.gallery_id]
            image.published = False
            await self._tasks.stored(task)
        return gallery_pb2.UnpublishImageResponse()

    async def ListGallery(self, request: Any, _call: Any) -> gallery_pb2.ListGalleryResponse:
        """Newest first, paged."""
        caller = identity.caller()
        self.asked_by.append(caller.subject)
        if self.refusal is not None:
            raise self.refusal
        if request.include_hidden and caller.role is not identity.Role.STAFF:
            raise errors.NotAllowed("Only staff see what is hidden.")
        if request.page_token and not request.page_token.isdigit():
            wrong = "page_token is not one that an earlier page gave."
            raise errors.InvalidInput.of(errors.FieldViolation(field="page_token", description=wrong))
        shown = [each for each in self.entries.values() if request.include_hidden or not each.ruling.hidden][::-1]
        begin, size = int(request.page_token or 0), request.page_size or 20
        more = str(begin + size) if begin + size < len(shown) else ""
        page = [self._told(each) for each in shown[begin : begin + size]]
        return gallery_pb2.ListGalleryResponse(gallery_images=page, next_page_token=more)

    async def GetGalleryImage(self, request: Any, _call: Any) -> gallery_pb2.GetGalleryImageResponse:
        """One."""
        return gallery_pb2.GetGalleryImageResponse(gallery_image=self._told(self._seen(request.gallery_id)))

    async def HideImage(self, request: Any, _call: Any) -> gallery_pb2.HideImageResponse:
        """With a reason."""
        return gallery_pb2.HideImageResponse(gallery_image=self._ruled(request, hidden=True))

    async def RestoreImage(self, request: Any, _call: Any) -> gallery_pb2.RestoreImageResponse:
        """With a reason."""
        return gallery_pb2.RestoreImageResponse(gallery_image=self._ruled(request, hidden=False))

    def _ruled(self, request: Any, *, hidden: bool) -> gallery_pb2.GalleryImage:
        caller = identity.caller()
        if caller.role is not identity.Role.STAFF:
            raise errors.NotAllowed
        entry = self._seen(request.gallery_id)
        if not 1 <= len(request.reason.strip()) <= 200:
            wrong = "Say why, in 1 to 200 characters on one line."
            raise errors.InvalidInput.of(errors.FieldViolation(field="reason", description=wrong))
        entry.ruling.CopyFrom(
            gallery_pb2.Ruling(hidden=hidden, staff_user_id=caller.subject, reason=request.reason, ruled_time=now())
        )
        return self._told(entry)

    async def DownloadGalleryImage(
        self, request: Any, _call: Any
    ) -> AsyncIterator[gallery_pb2.DownloadGalleryImageResponse]:
        """The file of the size; a thumbnail is as good as the picture here."""
        self.asked_by.append(identity.caller().subject)
        entry = self._seen(request.gallery_id)
        small = request.size not in (tasks_pb2.IMAGE_SIZE_UNSPECIFIED, tasks_pb2.IMAGE_SIZE_ORIGINAL)
        data = self._tasks.files.get(entry.image_id, (WEBP if small else PNG) + entry.gallery_id.encode() * 9)
        kind = "image/webp" if data.startswith(b"RIFF") else "image/png"
        yield gallery_pb2.DownloadGalleryImageResponse(
            file=gallery_pb2.GalleryFile(content_type=kind, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
        )
        yield gallery_pb2.DownloadGalleryImageResponse(data=data)
