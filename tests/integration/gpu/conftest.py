"""A worker process with a tiny checkpoint, an auth stand-in, and a client."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import grpc
import pytest
from daydream.gpu.v1 import inference_pb2_grpc

from services.foundation.rpc import client
from tests.support import signing_keys, tiny_pipeline
from tests.support.gpu_worker import GpuWorker

StartWorker = Callable[..., GpuWorker]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny checkpoint."""
    return tiny_pipeline.build(tmp_path_factory.mktemp("models") / "tiny", card={"defaults": tiny_pipeline.DEFAULTS})


@pytest.fixture(scope="session")
def auth_target() -> Iterator[str]:
    """Where the tests' signing key is told."""
    with signing_keys.serve() as target:
        yield target


@pytest.fixture
def start_worker(tiny_folder: Path, auth_target: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts workers of a test's own; ends what it left running."""
    workers: list[GpuWorker] = []

    def start(*, model: Path | str = tiny_folder, **settings: str) -> GpuWorker:
        workers.append(GpuWorker(model=model, auth_target=auth_target, data=tmp_path, **settings))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture(scope="module")
def worker(tiny_folder: Path, auth_target: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GpuWorker]:
    """A worker that the tests of a module share: one slot, one waiting place."""
    running = GpuWorker(
        model=tiny_folder,
        auth_target=auth_target,
        data=tmp_path_factory.mktemp("worker"),
        GPU_SLOTS="1",
        GPU_WAITING="1",
    )
    try:
        yield running.wait_until_serving()
    finally:
        # One that did not come in time would go on and keep the others waiting.
        running.kill()


@pytest.fixture
async def channel(worker: GpuWorker) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the shared worker."""
    async with client.channel(worker.target) as opened:
        yield opened


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "inference_pb2_grpc.InferenceServiceAsyncStub":
    """The shared worker."""
    return inference_pb2_grpc.InferenceServiceStub(channel)
