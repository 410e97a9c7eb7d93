"""Files inside ZIP archives, by URL or from memory."""

import io
import mimetypes
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO, Any
from zipfile import ZipFile

from qhana_plugin_runner.fetching import ResponseTooLargeError, UrlRules
from qhana_plugin_runner.fetching.bodies import StoredResponse
from qhana_plugin_runner.requests import open_url
from requests import Response

# Those that Python knows, the same on every machine.
_TYPES = mimetypes.MimeTypes()


def get_files_from_zip_url(url: str, mode: str = "t") -> Iterator[tuple[IO[Any], str]]:
    """Each file of the archive as (readable file, name): text in UTF-8, or bytes with a `b` in `mode`.

    A file is open until the next one is asked for. Raises as `open_url`, and BadZipFile.
    """
    with open_url(url) as response:
        # A response of ours lies in a file already, so that an archive need not fit in memory.
        source = response.raw if isinstance(response, StoredResponse) else io.BytesIO(response.content)
        with ZipFile(source) as archive:
            for name in _file_names(archive, in_order=False):
                with archive.open(name) as file_:
                    yield (file_ if "b" in mode else io.TextIOWrapper(file_, "utf-8")), name


def get_file_responses_from_zip(
    zip_bytes: bytes, default_content_type: str | None = None, *, content_type: str | None = None
) -> Iterator[Response]:
    """Each file of the archive as a response whose URL is its name, in the order of the names.

    The content type is `content_type`, else what the name's ending says, else `default_content_type`. Raises
    BadZipFile.
    """
    with ZipFile(io.BytesIO(zip_bytes)) as archive:
        for name in _file_names(archive, in_order=True):
            response = StoredResponse(io.BytesIO(archive.read(name)))
            response.url = name
            response.status_code = HTTPStatus.OK
            response.encoding = "utf-8"
            kind = content_type or _TYPES.guess_type(name)[0] or default_content_type
            response.headers["Content-Type"] = kind  # type: ignore[assignment]
            yield response


def _file_names(archive: ZipFile, *, in_order: bool) -> list[str]:
    """The names of what is no folder; raises ResponseTooLargeError for what unpacks to more than a body may hold."""
    files = [entry for entry in archive.infolist() if not entry.is_dir()]
    # Reading stops at the size that is written here, so that nothing larger can come out.
    if sum(entry.file_size for entry in files) > UrlRules().max_bytes:
        raise ResponseTooLargeError("in a ZIP archive")
    names = [entry.filename for entry in files]
    return sorted(names) if in_order else names
