"""HTTP servers that answer as no good server would: byte for byte what a test says, as slowly as it says."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType

Answer = Callable[[socket.socket, str], None]
"""Takes the connection, once the request has come, and its path."""


@dataclass
class OddServer:
    """Listens on a port of 127.0.0.1 while it is entered; every connection gets the same kind of answer."""

    answer: Answer
    requests: list[str] = field(default_factory=list)
    """Each request, its body included."""

    def __enter__(self) -> "OddServer":
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.closing = threading.Event()
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in list(self._threads):
            thread.join(10)

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def _serve(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._converse, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        # Whoever has heard enough hangs up.
        with connection, suppress(OSError):
            connection.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                more = connection.recv(65_536)
                if not more:
                    return
                head += more
            text = head.decode("latin-1")
            wanted = re.search(r"(?i)\r\ncontent-length: *(\d+)", text)
            while wanted and len(text.partition("\r\n\r\n")[2]) < int(wanted[1]):
                text += connection.recv(65_536).decode("latin-1")
            self.requests.append(text)
            self.answer(connection, text.split(" ")[1])


def plain(
    body: bytes = b"", *, status: str = "200 OK", headers: dict[str, str] | None = None, length: int | None = None
) -> bytes:
    """A whole answer; `length` is what it says of its body, where that is not the truth."""
    lines = {"Content-Length": str(len(body) if length is None else length), "Connection": "close", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


@contextmanager
def answering(*answers: bytes | Answer) -> Iterator[OddServer]:
    """A server that gives these answers in turn, and the last one from then on."""
    left = list(answers)

    def answer(connection: socket.socket, path: str) -> None:
        one = left.pop(0) if len(left) > 1 else left[0]
        if callable(one):
            one(connection, path)
        else:
            connection.sendall(one)

    with OddServer(answer) as server:
        yield server
