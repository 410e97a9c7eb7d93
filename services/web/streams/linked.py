"""`GET /linked/{secret}`: the picture that a link leads to, for whoever has the link.

It is how a plugin is given a picture: its host fetches it, and pages of the host may show it. The secret is all that is
asked for; tasks knows it, and for how long.
"""

import re
from typing import Final

from daydream.tasks.v1 import tasks_pb2
from starlette.requests import Request
from starlette.responses import Response

from services.foundation import errors
from services.web.backends.links import Links
from services.web.streams import files

PATH: Final = "/linked/"
DATA_TYPE: Final = "image/generated"
"""What a picture of the timeline is to plugins."""
HEADERS: Final = {"X-Data-Type": DATA_TYPE, "X-Robots-Tag": "noindex"}
CROSS_ORIGIN: Final = {
    # A plugin's page is of another origin, and shows it with the link and never with a cookie.
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Disposition, X-Data-Type",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
}
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{8,200}")


class LinkedFiles:
    """Passes a picture on."""

    def __init__(self, links: Links) -> None:
        """What it stands on."""
        self._links = links

    async def answer(self, request: Request) -> Response:
        """Answer with the file. Raises NotFound, also for a link that has ended."""
        secret = request.path_params["secret"]
        if not _SECRET.fullmatch(secret):
            raise errors.NotFound
        return await files.answer(request, self._links.download(secret), _about, also=HEADERS)


def _about(first: tasks_pb2.DownloadLinkedImageResponse) -> files.About | None:
    if first.WhichOneof("part") != "image":
        return None
    image = first.image
    # One that was imported has no seed.
    name = image.seed if image.seed >= 0 else image.image_id
    return files.About(
        name=f"daydream-{name}",
        content_type=image.content_type,
        bytes=image.bytes,
        sha256=image.sha256,
    )
