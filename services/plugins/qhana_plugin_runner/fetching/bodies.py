"""Response bodies: one that counts what it gives out, and one that lies in a file and can be read again and again."""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from email.message import Message
from typing import IO, Any, cast

from requests import Response
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, ReadTimeout
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.utils import stream_decode_response_unicode
from urllib3.exceptions import DecodeError, HTTPError, IncompleteRead, ProtocolError, ReadTimeoutError
from urllib3.response import BaseHTTPResponse

from .errors import ResponseTooLargeError, ResponseTooSlowError
from .sockets import Patience

CHUNK = 65_536
# Text of many equal rows shrinks to a hundredth; a bomb to a thousandth. Small bodies may shrink as they like.
_UNSUSPICIOUS_BYTES = 32 * 1024**2
_UNSUSPICIOUS_RATIO = 200


class LimitedBody(io.RawIOBase):
    """The body of a response, unpacked, as a binary file that ends with an error when it grows too long or too slow.

    Errors of urllib3 come out as those of requests, as they do where requests itself reads.
    """

    def __init__(self, inner: BaseHTTPResponse, *, limit: int, patience: Patience) -> None:
        super().__init__()
        self._inner = inner
        self._limit = limit
        self._patience = patience
        self._given = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As `io.RawIOBase`; raises as `read`."""
        view = memoryview(buffer).cast("B")
        data = self._next(len(view), decode=True)
        view[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1, decode_content: bool | None = None) -> bytes:
        """At most `size` bytes, or all; raises ResponseTooLargeError, ResponseTooSlowError, requests' own errors."""
        decode = decode_content is not False
        if size is None or size < 0:
            return b"".join(self.stream(CHUNK, decode_content=decode))
        return self._next(size, decode=decode)

    def stream(self, amt: int = CHUNK, decode_content: bool | None = None) -> Iterator[bytes]:
        """Chunks of about `amt` bytes, to the end; raises as `read`."""
        while data := self._next(amt, decode=decode_content is not False):
            yield data

    def close(self) -> None:
        """Let the connection go."""
        self._inner.close()
        super().close()

    def release_conn(self) -> None:
        """As urllib3's."""
        self._inner.release_conn()

    def __getattr__(self, name: str) -> Any:
        """What requests asks of urllib3's response (`headers`, `status`, `_original_response`)."""
        return getattr(self._inner, name)

    def _next(self, size: int, *, decode: bool) -> bytes:
        try:
            data = self._inner.read(size, decode_content=decode)
        except (ReadTimeoutError, TimeoutError) as error:
            if self._patience.left <= 0:
                raise ResponseTooSlowError from error
            raise ReadTimeout(error) from error
        except (IncompleteRead, ProtocolError) as error:
            raise ChunkedEncodingError(error) from error
        except DecodeError as error:
            raise ContentDecodingError(error) from error
        except (HTTPError, OSError) as error:
            raise RequestsConnectionError(error) from error
        self._given += len(data)
        if self._given > self._limit or self._is_bomb():
            self.close()
            raise ResponseTooLargeError
        return data

    def _is_bomb(self) -> bool:
        # tell() counts what came over the wire, before unpacking.
        return self._given > _UNSUSPICIOUS_BYTES and self._given > _UNSUSPICIOUS_RATIO * max(1, self._inner.tell())


class StoredResponse(Response):
    """A response whose body lies in a file: read at once or in pieces, as often as wanted, and after `close` too."""

    def __init__(self, body: IO[bytes]) -> None:
        super().__init__()
        self._body = body
        body.seek(0)
        self.raw = body

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[Any]:
        """As requests'; each call begins at the start."""
        if not isinstance(self._content, bool):
            return cast("Iterator[Any]", super().iter_content(chunk_size, decode_unicode))  # type: ignore[call-overload]
        chunks = self._chunks(chunk_size or CHUNK)
        return cast("Iterator[Any]", stream_decode_response_unicode(chunks, self)) if decode_unicode else chunks

    def close(self) -> None:
        """Nothing is open: the connection was let go when the body had come."""

    def __del__(self) -> None:
        # A response that was refused while it was made has no body yet.
        body = self.__dict__.get("_body")
        if body is not None:
            body.close()

    def _chunks(self, size: int) -> Iterator[bytes]:
        position = 0
        while True:
            # Somebody else may be reading too; everybody has a place of their own.
            self._body.seek(position)
            data = self._body.read(size)
            if not data:
                return
            position += len(data)
            yield data


def store(response: Response, *, spool_bytes: int) -> StoredResponse:
    """Read `response` to its end and let its connection go; raises as reading does."""
    body = tempfile.SpooledTemporaryFile(max_size=spool_bytes)  # noqa: SIM115  (closed with the response that owns it)
    with contextlib.ExitStack() as failing:
        failing.callback(body.close)
        with contextlib.closing(response):
            for chunk in response.iter_content(CHUNK):
                body.write(chunk)
        failing.pop_all()
    stored = StoredResponse(cast("IO[bytes]", body))
    own = {"raw", "_content", "_content_consumed", "_body"}
    stored.__dict__.update({name: value for name, value in vars(response).items() if name not in own})
    return stored


def say_encoding(response: Response) -> None:
    """Text without a charset is UTF-8, where requests would say Latin-1, the answer of an HTTP long gone."""
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type") or "application/octet-stream"
    if header.get_param("charset") is None and header.get_content_maintype() == "text":
        response.encoding = "utf-8"
