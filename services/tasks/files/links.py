"""Links to single images: whoever has one reads that file until it ends, and nothing else.

A link is a secret that is given out once and kept only as a hash, so that nothing in the database opens an image.
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Protocol

from services.tasks import identifiers
from services.tasks.errors import ImageNotFound, LinkNotFound
from services.tasks.values import Image, Size

LASTS: Final = dt.timedelta(days=1)
KEPT_EACH: Final = 1000
"""Links a person may have at once; one more takes the place of the oldest."""


class Rows(Protocol):
    """Links as the ledger keeps them; `store.links.Links` says what each call does."""

    async def add(
        self, user_id: str, image_id: str, *, link_hash: str, lasts: dt.timedelta, most: int
    ) -> dt.datetime: ...
    async def find(self, link_hash: str) -> Image | None: ...
    async def remove_ended(self) -> None: ...


class Files(Protocol):
    """Image files."""

    async def open(self, image: Image, size: Size) -> tuple[Image, AsyncGenerator[bytes, None]]:
        """What the file of that size is, and the file in pieces, which raise ImageNotFound when it is gone."""
        ...


class Links:
    """Makes links, and follows them."""

    def __init__(self, *, rows: Rows, files: Files) -> None:
        """Nothing is read yet."""
        self._rows = rows
        self._files = files

    async def create(self, user_id: str, image_id: str) -> tuple[str, dt.datetime]:
        """The secret of a new link to an image of the owner's, and when it ends. Raises ImageNotFound."""
        if not identifiers.possible(image_id):
            raise ImageNotFound
        # 256 random bits: nobody guesses them, so that a fast hash is enough.
        secret = secrets.token_urlsafe(32)
        until = await self._rows.add(user_id, image_id, link_hash=_hash(secret), lasts=LASTS, most=KEPT_EACH)
        return secret, until

    async def open(self, secret: str) -> tuple[Image, AsyncGenerator[bytes, None]]:
        """What the file is that a link leads to, and the file in pieces of at most 1 MiB.

        Raises LinkNotFound, as do the pieces when the file is gone; they raise ImageDamaged, before the last of them,
        when it has changed since it was stored.
        """
        image = await self._rows.find(_hash(secret))
        if image is None:
            raise LinkNotFound
        about, pieces = await self._files.open(image, Size.ORIGINAL)
        return about, _of_link(pieces)

    async def remove_ended(self) -> None:
        """Forget the links that have ended."""
        await self._rows.remove_ended()


async def _of_link(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    except ImageNotFound as error:
        raise LinkNotFound from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
