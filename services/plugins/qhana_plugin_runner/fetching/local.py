"""data and file URLs, answered like a server would."""

import base64
import binascii
import io
import mimetypes
import os
import stat
from typing import IO
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from requests.utils import get_encoding_from_headers

from .bodies import StoredResponse, say_encoding
from .errors import FileRefusedError, MalformedUrlError, ResponseTooLargeError
from .rules import UrlRules


def data_response(url: str, rules: UrlRules) -> StoredResponse:
    """The content of a data URL (RFC 2397); raises MalformedUrlError, ResponseTooLargeError."""
    if len(url) > 4 * rules.max_data_bytes + 1_000:
        # Even were every byte percent-encoded, this is too much; nothing is unpacked to find out.
        raise ResponseTooLargeError("in a data URL")
    head, comma, content = url[len("data:") :].partition(",")
    if not comma:
        raise MalformedUrlError("a data URL has a comma before its content")
    head = unquote(head).strip()
    if any(char < " " for char in head):
        raise MalformedUrlError("it holds a control character")
    encoded = head.lower().endswith(";base64")
    media_type = head[: -len(";base64")] if encoded else head
    data = unquote_to_bytes(content)
    if encoded:
        try:
            data = base64.b64decode(b"".join(data.split()) + b"==", validate=False)
        except binascii.Error as error:
            raise MalformedUrlError("its content is not base64") from error
    if len(data) > rules.max_data_bytes:
        raise ResponseTooLargeError("in a data URL")
    if media_type.startswith(";"):
        media_type = f"text/plain{media_type}"
    return _answer(url, io.BytesIO(data), media_type or "text/plain;charset=US-ASCII", len(data))


def file_response(url: str, rules: UrlRules) -> StoredResponse:
    """A file below an allowed folder; raises FileRefusedError, the same whether it exists elsewhere or nowhere."""
    parts = urlsplit(url)
    if parts.netloc.lower() not in {"", "localhost"} or "\0" in unquote(parts.path):
        raise FileRefusedError
    path = os.path.realpath(unquote(parts.path))
    if not any(path.startswith(os.path.join(root, "")) for root in rules.file_roots):
        raise FileRefusedError
    try:
        # Neither waits for the other end of a pipe, nor follows a link that was put there a moment ago.
        body: IO[bytes] = open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb")  # noqa: SIM115
    except OSError as error:
        raise FileRefusedError from error
    about = os.fstat(body.fileno())
    if not stat.S_ISREG(about.st_mode):
        body.close()
        raise FileRefusedError
    if about.st_size > rules.max_bytes:
        body.close()
        raise ResponseTooLargeError(f"{about.st_size} bytes")
    return _answer(url, body, mimetypes.guess_type(path)[0], about.st_size)


def _answer(url: str, body: IO[bytes], media_type: str | None, length: int) -> StoredResponse:
    response = StoredResponse(body)
    response.status_code = 200
    response.reason = "OK"
    response.url = url
    response.headers["Content-Length"] = str(length)
    if media_type:
        response.headers["Content-Type"] = media_type
    response.encoding = get_encoding_from_headers(response.headers)
    say_encoding(response)
    return response
