"""Ray Serve with dynamic request batching: `python -m bench.engine.peers.ray_serve PORT FOLDER`."""

# Checked where the peer's packages are not: its decorators and classes have no types there.
# mypy: disable-error-code="import-not-found, untyped-decorator, attr-defined"

import asyncio
import signal
import sys
import threading

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from bench.engine.loads import BATCH, BATCH_WAIT_SECONDS, Job
from bench.engine.peers.painter import Painter

WAITING = 256


# As many ongoing requests as may wait here: with its default of five no batch would fill.
@serve.deployment(max_ongoing_requests=WAITING, ray_actor_options={"num_cpus": 1})
class Studio:
    """One replica that holds the model."""

    def __init__(self) -> None:
        """Load it."""
        self.painter = Painter()

    # In a thread, so that the replica's loop goes on collecting the next batch.
    @serve.batch(max_batch_size=BATCH, batch_wait_timeout_s=BATCH_WAIT_SECONDS)
    async def draw(self, jobs: list[Job]) -> list[bytes]:
        """A picture a job."""
        return await asyncio.to_thread(self.painter.draw, jobs)

    async def __call__(self, request: Request) -> Response:
        """One job in, one file out."""
        return Response(await self.draw(Job(**await request.json())), media_type="image/png")


def main(port: int, folder: str) -> None:
    """Serve until told to stop."""
    stop = threading.Event()
    ray.init(num_cpus=2, include_dashboard=False, _temp_dir=folder, object_store_memory=100_000_000)
    # After init, which has handlers of its own.
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(Studio.bind())
        stop.wait()
    finally:
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
