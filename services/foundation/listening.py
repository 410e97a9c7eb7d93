"""How an HTTP service comes by its address, with a sentence where it cannot."""

import socket

from services.foundation import settings


def listen(setting: str, address: str) -> socket.socket:
    """A socket that listens on `host:port`, as the setting of that name says.

    Raises SystemExit with one sentence for an address that is none, or is taken.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise settings.complain(f"{setting}: {address!r} is not host:port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By its number asyncio knows TCP, and only then sends an answer's end without waiting for word of its beginning:
    # without it every answer in two parts takes 40 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), int(port)))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        words = "another program has taken the port" if "in use" in str(error) else str(error)
        raise settings.complain(f"cannot listen on {address}: {words}") from error
    return listener
