"""A worker draws with several models and with LoRAs at once, and says in one sentence which model it cannot use."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from daydream.gpu.v1 import inference_pb2 as pb
from daydream.gpu.v1 import inference_pb2_grpc

from services.foundation.rpc import client
from tests.integration.gpu.conftest import StartWorker
from tests.support import checkpoints, identity

# A worker imports torch before it serves or says why not, which takes a minute where memory is contended.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A single file with a tokenizer beside it, and one without."""
    root = tmp_path_factory.mktemp("models")
    folder = checkpoints.build(root / "folder")
    checkpoints.edit_card(folder, limits={"max_size": 64})
    file = checkpoints.single_file(folder, root / "with" / "single.safetensors")
    file.with_suffix(".json").write_text('{"defaults": {"width": 64, "height": 64}, "limits": {"max_size": 64}}')
    shutil.copytree(folder / "tokenizer", file.parent / "tokenizer")
    (root / "without").mkdir()
    return {"folder": folder, "single": file, "alone": Path(shutil.copy(file, root / "without" / "alone.safetensors"))}


async def test_requests_for_different_models_are_drawn_side_by_side(
    start_worker: StartWorker, files: Mapping[str, Path]
) -> None:
    names = ("folder", "single")
    worker = start_worker(model=",".join(str(files[name]) for name in names)).wait_until_serving()

    async with client.channel(worker.target) as channel:
        stub = inference_pb2_grpc.InferenceServiceStub(channel)
        metadata = client.bearer(identity.mint_service("tasks"))
        told = await stub.GetCapabilities(pb.GetCapabilitiesRequest(), timeout=60, metadata=metadata)

        async def admitted(name: str) -> list[pb.GenerateResponse]:
            request = pb.GenerateRequest(prompt="a house", model=name, steps=4)
            return [each async for each in stub.Generate(request, timeout=120, metadata=metadata)]

        answers = await asyncio.gather(*(admitted(name) for name in (*names, *names)))

    assert [model.name for model in told.capabilities.models] == list(names)
    assert [answer[0].admitted.model for answer in answers] == [*names, *names]
    assert all(answer[-1].HasField("finished") for answer in answers)


@pytest.mark.rotating(3)
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "needs a tokenizer, which such files do not hold: put the folder `tokenizer`"),
        ({"GPU_ADAPTERS_DIR": "/no/such/folder"}, "GPU_ADAPTERS_DIR=/no/such/folder: there is no such folder"),
        ({"GPU_MEMORY_LIMIT": "1MB"}, "and the memory limit is 1 MB"),
    ],
)
def test_a_start_that_cannot_be_is_one_plain_sentence(
    start_worker: StartWorker, files: Mapping[str, Path], settings: dict[str, str], sentence: str
) -> None:
    worker = start_worker(model=files["alone"], **settings)

    assert worker.exit_code() == 1
    assert sentence in worker.log
    assert "Traceback" not in worker.log
