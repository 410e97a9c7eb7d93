"""Stored files, read in pieces and checked on the way."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from typing import BinaryIO, Final

from services.tasks.errors import ImageDamaged

CHUNK_BYTES: Final = 1024 * 1024


async def checked(open_file: Callable[[], BinaryIO], path: str, sha256: str) -> AsyncGenerator[bytes, None]:
    """A file in pieces of at most 1 MiB; `path` is for logs.

    Raises what `open_file` does, and ImageDamaged, before the last piece, when it is not what was stored.
    """
    file = await asyncio.to_thread(open_file)
    digest, held = hashlib.sha256(), b""
    try:
        while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
            digest.update(piece)
            if held:
                yield held
            held = piece
    except OSError as error:
        raise ImageDamaged(cause_detail=f"{path}: {error!r}") from error
    finally:
        file.close()
    # The last piece waits for the digest: whoever has the whole file has the right one.
    if digest.hexdigest() != sha256:
        raise ImageDamaged(cause_detail=f"{path} is not what was stored")
    yield held
