"""The gallery as tests use it: somebody who calls it, and files for the data folder."""

import json
from collections.abc import Mapping
from pathlib import Path

from daydream.tasks.v1 import gallery_pb2, gallery_pb2_grpc, tasks_pb2

from services.foundation.rpc import client
from services.tasks.files import png_text
from tests.support import identity
from tests.support.ledger import Person
from tests.support.ledger_rows import PARAMETERS
from tests.support.picture_files import encoded, picture

STAFF_SCOPES = ("generate", "read", "admin")
ORIGINAL = tasks_pb2.ImageSize.IMAGE_SIZE_ORIGINAL


class Visitor:
    """Somebody who calls the gallery of one replica."""

    def __init__(self, person: Person, token: str) -> None:
        """Calls over the person's channel, as whoever the token says."""
        self.stub = gallery_pb2_grpc.GalleryServiceStub(person.channel)
        self.metadata = client.bearer(token)

    async def publish(self, image_id: str) -> gallery_pb2.GalleryImage:
        """Publish an image."""
        request = gallery_pb2.PublishImageRequest(image_id=image_id)
        with client.translated():
            return (await self.stub.PublishImage(request, metadata=self.metadata)).gallery_image

    async def unpublish(self, image_id: str) -> None:
        """Take it back."""
        with client.translated():
            request = gallery_pb2.UnpublishImageRequest(image_id=image_id)
            await self.stub.UnpublishImage(request, metadata=self.metadata)

    async def page(
        self, page_token: str = "", *, page_size: int = 0, include_hidden: bool = False
    ) -> gallery_pb2.ListGalleryResponse:
        """A page of the gallery."""
        request = gallery_pb2.ListGalleryRequest(
            page_token=page_token, page_size=page_size, include_hidden=include_hidden
        )
        with client.translated():
            return await self.stub.ListGallery(request, metadata=self.metadata)

    async def shown(self, *, include_hidden: bool = False) -> list[str]:
        """The ids on the first page."""
        return [each.gallery_id for each in (await self.page(include_hidden=include_hidden)).gallery_images]

    async def get(self, gallery_id: str) -> gallery_pb2.GalleryImage:
        """What is known of a picture."""
        request = gallery_pb2.GetGalleryImageRequest(gallery_id=gallery_id)
        with client.translated():
            return (await self.stub.GetGalleryImage(request, metadata=self.metadata)).gallery_image

    async def hide(self, gallery_id: str, reason: str = "not for all") -> gallery_pb2.GalleryImage:
        """Hide a picture."""
        request = gallery_pb2.HideImageRequest(gallery_id=gallery_id, reason=reason)
        with client.translated():
            return (await self.stub.HideImage(request, metadata=self.metadata)).gallery_image

    async def restore(self, gallery_id: str, reason: str = "it is fine") -> gallery_pb2.GalleryImage:
        """Show it again."""
        request = gallery_pb2.RestoreImageRequest(gallery_id=gallery_id, reason=reason)
        with client.translated():
            return (await self.stub.RestoreImage(request, metadata=self.metadata)).gallery_image

    async def download(
        self, gallery_id: str, size: "tasks_pb2.ImageSize.ValueType" = ORIGINAL
    ) -> tuple[gallery_pb2.GalleryFile, bytes]:
        """Read a picture's file."""
        request = gallery_pb2.DownloadGalleryImageRequest(gallery_id=gallery_id, size=size)
        answers = client.translated_stream(self.stub.DownloadGalleryImage(request, metadata=self.metadata))
        parts = [answer async for answer in answers]
        return parts[0].file, b"".join(part.data for part in parts[1:])


def member(person: Person) -> Visitor:
    """The person themselves."""
    return Visitor(person, identity.mint(person.name))


def staff(person: Person, name: str = "grace") -> Visitor:
    """A member of staff."""
    return Visitor(person, identity.mint(name, role="staff", scopes=STAFF_SCOPES))


def stranger(person: Person) -> Visitor:
    """Somebody who has not signed in: the gateway asks in its own name."""
    return Visitor(person, identity.mint_service("web"))


def ours(colour: tuple[int, int, int] = (1, 2, 3), settings: Mapping[str, object] | None = None) -> bytes:
    """A PNG of ours, with its settings; some of those in the chunk that programs read can be replaced."""
    png = encoded(picture(size=(64, 48), colour=colour))
    chunks = png_text.text_chunks(PARAMETERS, seed=7, width=64, height=48)
    chunks["daydream"] = json.dumps(json.loads(chunks["daydream"]) | dict(settings or {}))
    return png_text.with_text(png, chunks)


def put(folder: Path, name: str, data: bytes) -> Path:
    """Put a file into a studio's gallery folder."""
    path = folder / "gallery" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
