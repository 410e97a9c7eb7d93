"""A tiny checkpoint with random weights, and engines round a model that draws nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from services.gpu import pipeline, sources
from services.gpu.engine import Engine
from services.gpu.pipeline import StableDiffusion
from tests.support import tiny_pipeline
from tests.support.gpu_model import FakeModel

StartEngine = Callable[..., Awaitable[Engine]]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny checkpoint without a card of its own."""
    return tiny_pipeline.build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path) -> StableDiffusion:
    """That checkpoint in memory."""
    return pipeline.load(sources.find(str(tiny_folder)), device="cpu", dtype="float32", threads=1)


@pytest.fixture
def model() -> FakeModel:
    """A model that draws nothing."""
    return FakeModel()


@pytest.fixture
async def start_engine(model: FakeModel) -> AsyncIterator[StartEngine]:
    """Starts an engine round `model`; stops it when the test is over."""
    engines: list[Engine] = []

    async def start(*, slots: int = 1, waiting: int = 2) -> Engine:
        engine = Engine(load=lambda: model, slots=slots, waiting=waiting)
        engines.append(engine)
        await engine.start()
        return engine

    yield start
    model.allow(10_000)
    for engine in engines:
        await engine.stop()
