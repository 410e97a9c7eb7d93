"""Free ports on loopback, and waiting for somebody to listen on one."""

import contextlib
import random
import socket
import time


def free_port() -> int:
    """A TCP port nobody listens on now, from below those the system gives to outgoing connections.

    Of those it might give one away between this look and the listening, or between a stop and a start on it again.
    """
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for_port(port: int, *, seconds: float = 90) -> None:
    """Return once something listens; raise TimeoutError when nothing does in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        # A short pause between looks at a condition, not a wait for time to pass.
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port} after {seconds} s")


def listener(port: int) -> socket.socket:
    """A socket that listens on a port of loopback."""
    return socket.create_server(("127.0.0.1", port))
