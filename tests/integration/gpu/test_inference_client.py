"""The client in the documentation draws with a real worker, on a token from the real auth service."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from daydream.gpu.v1 import inference_pb2 as pb
from daydream.gpu.v1 import inference_pb2_grpc
from PIL import Image

from services.foundation.rpc import client
from tests.integration.gpu.conftest import StartWorker
from tests.support.auth import SECRETS, RunningAuth, running_auth
from tests.support.gpu_worker import ROOT, GpuWorker

# Worker and client are processes, and start one after the other; the worker imports torch first.
pytestmark = [pytest.mark.rotating, pytest.mark.timeout(1200)]

PROGRAM = ROOT / "docs" / "inference_client.py"


@pytest.fixture
async def auth(tmp_path: Path) -> AsyncIterator[RunningAuth]:
    """The auth service."""
    async with running_auth(f"sqlite+aiosqlite:///{tmp_path}/auth.db", tmp_path) as running:
        yield running


async def start(auth: RunningAuth, worker: GpuWorker, folder: Path, *arguments: str) -> asyncio.subprocess.Process:
    """Start the program in `folder`."""
    return await asyncio.create_subprocess_exec(
        sys.executable, str(PROGRAM), *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env={
            **os.environ, "PYTHONPATH": str(ROOT / "gen"), "AUTH_TARGET": auth.target, "GPU_TARGET": worker.target,
            "SERVICE": "stranger", "SERVICE_SECRET": SECRETS["stranger"],
        },
    )  # fmt: skip


async def run(auth: RunningAuth, worker: GpuWorker, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the program in `folder`; its exit code and all it wrote."""
    process = await start(auth, worker, folder, *arguments)
    out, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode is not None
    return process.returncode, out.decode()


async def held(stub: "inference_pb2_grpc.InferenceServiceAsyncStub", auth: RunningAuth) -> int:
    """How many requests the worker holds."""
    answer = await stub.GetCapabilities(pb.GetCapabilitiesRequest(), metadata=auth.stranger)
    return answer.capabilities.busy_slots


async def test_the_documented_client_draws_a_picture_and_another_from_it(
    auth: RunningAuth, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = await asyncio.to_thread(start_worker(AUTH_TARGET=auth.target).wait_until_serving)
    first, second = (tmp_path / name for name in ("first", "second"))
    first.mkdir()
    second.mkdir()

    code, said = await run(auth, worker, first, "a red circle")
    assert (code, said.splitlines()[-1]) == (0, "7.png"), said
    code, said = await run(auth, worker, second, "a blue circle", str(first / "7.png"))

    assert code == 0, said
    assert "drawing with tiny, seed 7" in said
    # Six tenths of four steps.
    assert "step 2 of 2, 0 ms left" in said
    assert (first / "7.png").read_bytes() != (second / "7.png").read_bytes()
    for folder in (first, second):
        with Image.open(folder / "7.png") as image:
            image.load()
            assert image.size == (64, 64)


async def test_the_documented_client_comes_again_when_the_worker_is_full(
    auth: RunningAuth, start_worker: StartWorker, tmp_path: Path
) -> None:
    started = start_worker(AUTH_TARGET=auth.target, GPU_SLOTS="1", GPU_WAITING="1")
    worker = await asyncio.to_thread(started.wait_until_serving)
    async with client.channel(worker.target) as channel:
        stub: inference_pb2_grpc.InferenceServiceAsyncStub = inference_pb2_grpc.InferenceServiceStub(channel)
        long = pb.GenerateRequest(prompt="a house", steps=100, samples=10, width=256, height=256, sampler="Heun")
        calls = [stub.Generate(long, metadata=auth.stranger)]
        assert (await anext(aiter(calls[0]))).HasField("admitted")
        # Sent after the first was let in, as of two on one connection either may be first.
        calls.append(stub.Generate(long, metadata=auth.stranger))
        async with asyncio.timeout(60):
            while (await held(stub, auth)) < 2:
                pass

        process = await start(auth, worker, tmp_path, "a red circle")
        assert process.stdout is not None
        refused = await asyncio.wait_for(process.stdout.readline(), 120)
        for call in calls:
            call.cancel()
        out, _ = await asyncio.wait_for(process.communicate(), 240)

    assert refused.startswith(b"the worker is full")
    assert process.returncode == 0, out
    assert (tmp_path / "7.png").exists()


async def test_the_documented_client_says_in_one_line_what_was_wrong(
    auth: RunningAuth, start_worker: StartWorker, tmp_path: Path
) -> None:
    worker = await asyncio.to_thread(start_worker(AUTH_TARGET=auth.target).wait_until_serving)
    (tmp_path / "no.png").write_bytes(b"no picture")

    code, said = await run(auth, worker, tmp_path, "a red circle", str(tmp_path / "no.png"))

    assert code == 1
    assert said == "INVALID_ARGUMENT: start_image is no PNG, JPEG or WebP image.\n"
