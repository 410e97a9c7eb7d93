"""The gallery's values to protos. Decides nothing save what a visitor is told, which is the contract's own rule."""

from daydream.tasks.v1 import gallery_pb2

from services.tasks.files.gallery import Entry, Ruling, Visitor
from services.tasks.values import Image
from services.tasks.wire import messages, parameter_messages


def to_gallery_image(entry: Entry, visitor: Visitor) -> gallery_pb2.GalleryImage:
    """A picture of the gallery as this visitor sees it."""
    own = visitor.user_id != "" and visitor.user_id == entry.user_id
    return gallery_pb2.GalleryImage(
        gallery_id=entry.gallery_id,
        parameters=None if entry.parameters is None else parameter_messages.to_parameters(entry.parameters),
        width=entry.image.width,
        height=entry.image.height,
        bytes=entry.image.bytes,
        published_time=messages.to_time(entry.published),
        own=own,
        image_id=entry.image_id if own else "",
        owner_user_id=entry.user_id if visitor.staff else "",
        ruling=_to_ruling(entry.ruling) if visitor.staff and entry.ruling is not None else None,
    )


def to_file(image: Image) -> gallery_pb2.GalleryFile:
    """What a file is; nothing of whose it is."""
    return gallery_pb2.GalleryFile(
        content_type=image.content_type,
        bytes=image.bytes,
        sha256=image.sha256,
        width=image.width,
        height=image.height,
    )


def _to_ruling(ruling: Ruling) -> gallery_pb2.Ruling:
    return gallery_pb2.Ruling(
        hidden=ruling.hidden,
        staff_user_id=ruling.staff_id,
        reason=ruling.reason,
        ruled_time=messages.to_time(ruling.ruled),
    )
