"""How an HTTP service serves and stops. For those that have uvicorn; nothing else of the foundation needs it."""

import signal
import socket
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import uvicorn


class Server(uvicorn.Server):
    """uvicorn that ends the open event streams first when it stops, instead of waiting for what never ends."""

    def __init__(
        self, app: Any, *, end_streams: Callable[[], None], drain_seconds: float, trusted_proxies: Sequence[str] = ()
    ) -> None:
        """`drain_seconds` is how long other requests may still take, `trusted_proxies` who may say who asks."""
        self._end_streams = end_streams
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                log_config=None,
                access_log=False,
                server_header=False,
                # Who asks stands in the connection; a forwarded header could be anybody's, save from a named proxy.
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                timeout_graceful_shutdown=max(1, round(drain_seconds)),
                timeout_keep_alive=20,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and leave with 0 after it: uvicorn would raise the signal a second time and die of it."""
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then drain."""
        self._end_streams()
        await super().shutdown(sockets)
