"""A gateway that goes down and comes up again on its port, while what stands behind it goes on."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Final, TypeVar

from services.web.app import Gateway
from tests.support import gateway, gateway_backends, threaded_gateway
from tests.support.gateway_backends import Backends

T = TypeVar("T")

SECRET_KEY: Final = "k" * 40


class Restarting:
    """One, and the loop that it lives in."""

    def __init__(self, backends: Backends) -> None:
        """Made in the loop; it is down."""
        self.backends = backends
        self.loop = asyncio.get_running_loop()
        self._port = 0
        self._serving = contextlib.AsyncExitStack()

    @property
    def url(self) -> str:
        """Where it is whenever it is up."""
        return f"http://127.0.0.1:{self._port}"

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something over there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(threaded_gateway.HANGS_AFTER)

    async def up(self) -> None:
        """Serve, with nothing remembered but the key that its cookies are signed with."""
        made = Gateway(gateway.settings(self.backends), secret_key=SECRET_KEY, timing=gateway.QUICK)
        self._port, _server = await self._serving.enter_async_context(gateway.listening(made, port=self._port))

    async def down(self) -> None:
        """Stop, as a server does that is told to."""
        await self._serving.aclose()


@contextlib.contextmanager
def running() -> Iterator[Restarting]:
    """One that is up, with a worker behind it that draws at once."""
    began: concurrent.futures.Future[Restarting] = concurrent.futures.Future()
    stop = asyncio.Event()

    async def serve() -> None:
        async with gateway_backends.running(threaded_gateway.picture) as backends:
            made = Restarting(backends)
            await made.up()
            worker = asyncio.create_task(threaded_gateway.draw_everything(backends, 0))
            began.set_result(made)
            await stop.wait()
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
            await made.down()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    found = began.result(threaded_gateway.HANGS_AFTER)
    try:
        yield found
    finally:
        found.loop.call_soon_threadsafe(stop.set)
        thread.join(threaded_gateway.HANGS_AFTER)
