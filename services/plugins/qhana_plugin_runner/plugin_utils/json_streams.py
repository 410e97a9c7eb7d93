"""The items of a JSON array one after the other, read by the standard library's own decoder.

So NaN, long integers and duplicate keys come out as `Response.json()` gives them; what is held is one item, and a
buffer.
"""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from requests.exceptions import JSONDecodeError

_CHUNK = 65_536
_BLANK = " \t\n\r"


def iter_items(text: TextIO) -> Iterator[Any]:
    """Each item of the array in `text`, or the one value that it holds; raises JSONDecodeError."""
    source = _Source(text)
    if source.peek() != "[":
        yield source.value()
    else:
        source.skip()
        if source.peek() == "]":
            source.skip()
        else:
            yield source.value()
            while source.peek() == ",":
                source.skip()
                yield source.value()
            source.expect("]")
    if source.peek():
        raise source.error("Extra data")


class _Source:
    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._at = 0
        self._ended = False

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _BLANK:
                    return self._buffer[self._at]
                self._at += 1
            if not self._more(_CHUNK):
                return ""

    def skip(self) -> None:
        """Step over the character that `peek` saw."""
        self._at += 1

    def expect(self, char: str) -> None:
        """Step over `char`; raises JSONDecodeError where there is another."""
        if self.peek() != char:
            raise self.error(f"Expecting ',' delimiter or '{char}'")
        self.skip()

    def value(self) -> Any:
        """The next value; raises JSONDecodeError."""
        self.peek()
        wanted = _CHUNK
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                # Cut off, perhaps. Reading twice as much each time keeps a long item from being decoded over and over.
                if not self._more(wanted):
                    raise JSONDecodeError(error.msg, error.doc, error.pos) from error
            else:
                # A number at the very end of the buffer may go on.
                if end < len(self._buffer) or not self._more(wanted):
                    self._at = end
                    return value
            wanted *= 2

    def error(self, message: str) -> JSONDecodeError:
        """An error at this place."""
        return JSONDecodeError(message, self._buffer, self._at)

    def _more(self, size: int) -> bool:
        chunk = "" if self._ended else self._text.read(size)
        if not chunk:
            self._ended = True
            return False
        self._buffer = self._buffer[self._at :] + chunk
        self._at = 0
        return True
