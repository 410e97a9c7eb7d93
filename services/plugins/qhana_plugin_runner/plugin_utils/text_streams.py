"""The body of a response as text lines, read as they are asked for, with their line ends.

`Response.iter_lines` drops the line ends, which belong to quoted CSV fields, and splits at every character that Unicode
calls a line end. Objects that only have `iter_lines` are read through it nevertheless.
"""

import codecs
import io
from collections.abc import Iterable, Iterator
from email.message import Message
from typing import Any, TextIO

from requests import Response

_CHUNK = 65_536
# What str.splitlines ends a line with: a line that ends so has kept its end.
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
_LENIENT = "daydream.latin-1-where-not-utf-8"


def _read_as_latin_1(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


# Files without a charset are UTF-8 nearly always, and Latin-1 else: both are read, and nothing is lost.
codecs.register_error(_LENIENT, _read_as_latin_1)


class _ChunkReader(io.RawIOBase):
    """A binary file over an iterator of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def open_text(response: Response) -> TextIO:
    """The body as a text file; line ends are left as they are, a byte order mark is dropped."""
    header = Message()
    header["Content-Type"] = response.headers.get("Content-Type") or "application/octet-stream"
    charset = header.get_param("charset")
    try:
        encoding = codecs.lookup(charset).name if isinstance(charset, str) else "utf-8"
    except LookupError:
        encoding = "utf-8"
    reader = io.BufferedReader(_ChunkReader(iter(response.iter_content(_CHUNK))), _CHUNK)
    return io.TextIOWrapper(
        reader, "utf-8-sig" if encoding == "utf-8" else encoding, errors=_LENIENT, newline="", write_through=False
    )


def text_lines(file_: Any) -> Iterable[str]:
    """The lines of a response, or of something with `iter_lines`, each with its end."""
    if isinstance(file_, Response):
        return open_text(file_)
    return _lines_with_ends(file_.iter_lines(decode_unicode=True))


def _lines_with_ends(lines: Iterable[str | bytes]) -> Iterator[str]:
    for line in lines:
        text = line.decode("utf-8", _LENIENT) if isinstance(line, bytes) else line
        yield text if text.endswith(tuple(_LINE_ENDS)) else f"{text}\n"
