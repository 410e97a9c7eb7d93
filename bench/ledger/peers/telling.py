"""How a job tells its client that it has begun: a datagram to the client's socket, the same in every arm.

A job is given one word, `SOCKET#NUMBER`; a word without `#` is told to nobody. Knows nothing of any queue.
"""

import contextlib
import socket


def tell(word: str, moment: float) -> None:
    """Send the job's number and the moment it began, in seconds on the clock that a machine's processes share."""
    path, mark, number = word.partition("#")
    if not mark:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outgoing, contextlib.suppress(OSError):
        # A client that is gone has nobody to tell.
        outgoing.sendto(f"{number} {moment}".encode(), path)
