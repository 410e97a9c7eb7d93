"""Sockets that lose patience: the time spent waiting is bounded in all, not for each byte anew."""

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

Dial = Callable[[str, int, float | None], socket.socket]
"""Takes an address (never a name), a port and a time limit in seconds; gives a connected socket."""


class PatienceLost(TimeoutError):
    """The other side has kept us waiting for longer than what it sent was worth."""


class Patience:
    """How long one request may still wait. Time in which nobody waits, a plugin's own computing, costs nothing."""

    def __init__(self, seconds: float, bytes_per_second: float) -> None:
        self._seconds = seconds
        self._bytes_per_second = bytes_per_second
        self._waited = 0.0
        self._received = 0

    @property
    def left(self) -> float:
        """Seconds."""
        return self._seconds + self._received / self._bytes_per_second - self._waited

    def spend(self, seconds: float) -> None:
        """Count time that was spent waiting."""
        self._waited += seconds

    def earn(self, received: int) -> None:
        """Count bytes that have come."""
        self._received += received


class PatientSocket(socket.socket):
    """A plain connection."""

    patience: Patience | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """As `socket.recv_into`; raises PatienceLost."""
        return _receive(self, super().recv_into, args, kwargs)


class PatientSSLSocket(ssl.SSLSocket):
    """An encrypted one; made by a context whose `sslsocket_class` it is."""

    patience: Patience | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """As `socket.recv_into`; raises PatienceLost."""
        return _receive(self, super().recv_into, args, kwargs)


def dial(address: str, port: int, timeout: float | None) -> socket.socket:
    """Connect to an address; raises OSError."""
    made = PatientSocket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.settimeout(timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.connect((address, port))
    except OSError:
        made.close()
        raise
    return made


def _receive(
    receiver: PatientSocket | PatientSSLSocket, read: Callable[..., int], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> int:
    patience = receiver.patience
    if patience is None:
        return read(*args, **kwargs)
    usual = receiver.gettimeout()
    if patience.left <= 0:
        raise PatienceLost
    receiver.settimeout(patience.left if usual is None else min(usual, patience.left))
    began = time.monotonic()
    timed_out: TimeoutError | None = None
    try:
        received = read(*args, **kwargs)
        patience.earn(received)
    except TimeoutError as error:
        timed_out = error
    finally:
        patience.spend(time.monotonic() - began)
        receiver.settimeout(usual)
    if timed_out is not None:
        if patience.left <= 0:
            raise PatienceLost from timed_out
        raise timed_out
    return received
