"""Our worker as a process of its own, asked over gRPC the way the ledger asks it."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
from daydream.gpu.v1 import inference_pb2 as pb
from daydream.gpu.v1 import inference_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.engine import figures
from bench.engine.arms import Arm, Unavailable
from bench.engine.clients import closed
from bench.engine.loads import UNIFORM, Job, jobs
from bench.engine.peers.painter import GUIDANCE, MODEL
from tests.support import identity, signing_keys
from tests.support.gpu_worker import GpuWorker

START_SECONDS: Final = 180
ANSWER_SECONDS: Final = 300
_PAUSE_SECONDS: Final = 0.02
_ROUND_TRIPS: Final = 100


class Worker(Arm):
    """`python -m services.gpu` with its own settings, save that it refuses nobody: others do not either."""

    name = "daydream"
    title = "Daydream's worker"

    def __init__(self) -> None:
        """Nothing runs yet."""
        self._running = contextlib.ExitStack()

    def start(self, folder: Path) -> None:
        """Start it and wait for its warm-up."""
        keys = self._running.enter_context(signing_keys.serve())
        worker = GpuWorker(model=MODEL, auth_target=keys, data=folder, GPU_WAITING="1024")
        self._running.callback(worker.kill)
        try:
            worker.wait_until_serving(seconds=START_SECONDS)
        except AssertionError as error:
            raise Unavailable(f"did not start: {str(error).splitlines()[-1]}") from error
        self._channel = self._running.enter_context(grpc.insecure_channel(worker.target))
        self._stub: Any = inference_pb2_grpc.InferenceServiceStub(self._channel)

    def draw(self, job: Job, stepped: Callable[[], None]) -> bytes:
        """One stream, read to its end."""
        request = pb.GenerateRequest(
            prompt=job.prompt, steps=job.steps, guidance=GUIDANCE, width=job.size, height=job.size, seed=job.seed
        )
        picture = b""
        for response in self._stub.Generate(request, metadata=self._metadata(), timeout=ANSWER_SECONDS):
            match response.WhichOneof("event"):
                case "step":
                    stepped()
                case "image_chunk":
                    picture += response.image_chunk.data
        return picture

    def stop(self) -> None:
        """End it."""
        self._running.close()

    def facts(self) -> dict[str, Any]:
        """Its slots, and how long a small answer takes while it idles and while eight clients keep it drawing.

        An event goes the same way as that answer, from the asyncio loop beside the engine's thread to a client, and
        back is not part of it: the figures are bounds above an event's delay.
        """
        request = pb.GetCapabilitiesRequest()
        slots = self._stub.GetCapabilities(request, metadata=self._metadata(), timeout=10).capabilities.slots
        idle = self._round_trips()
        busy: list[float] = []
        asking = threading.Thread(target=lambda: busy.extend(self._round_trips()))
        asking.start()
        work = jobs(UNIFORM, size=64, seed=2)
        while asking.is_alive():
            closed(self.draw, work, clients=8, count=8)
        asking.join()
        return {
            "slots": slots,
            "answer_idle_ms": {f"p{percent}": figures.percentile(idle, percent) for percent in (50, 99)},
            "answer_busy_ms": {f"p{percent}": figures.percentile(busy, percent) for percent in (50, 99)},
        }

    def _round_trips(self) -> list[float]:
        health: Any = health_pb2_grpc.HealthStub(self._channel)
        taken = []
        for _ in range(_ROUND_TRIPS):
            # The pace of the questions, so that they are not a load themselves.
            time.sleep(_PAUSE_SECONDS)
            begun = time.perf_counter()
            health.Check(health_pb2.HealthCheckRequest(), timeout=10)
            taken.append((time.perf_counter() - begun) * 1000)
        return taken

    def _metadata(self) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {identity.mint_service('tasks')}")]
