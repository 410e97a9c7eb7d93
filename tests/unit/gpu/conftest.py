"""A tiny checkpoint with random weights, and engines round a model that draws nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from services.gpu.checkpoints import sources
from services.gpu.diffusion import pipeline
from services.gpu.diffusion.pipeline import StableDiffusion
from services.gpu.engine.engine import Bounds, Engine
from tests.support import tiny_pipeline
from tests.support.gpu_model import FakeLibrary, FakeModel
from tests.support.reference import Reference

StartEngine = Callable[..., Awaitable[Engine]]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny checkpoint without a card of its own."""
    return tiny_pipeline.build(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path) -> StableDiffusion:
    """That checkpoint in memory."""
    return pipeline.load(sources.find(str(tiny_folder)), device="cpu", dtype="float32", threads=1)


class Checkpoints:
    """Tiny checkpoints of every kind, each with diffusers' own pipelines beside it; built when they are asked for."""

    _KINDS: Final[dict[str, dict[str, Any]]] = {
        "tiny": {},
        "velocity": {"prediction_type": "v_prediction"},
        "inpainting": {"channels": 9},
        "distilled": {"distilled": True},
    }

    def __init__(self, folder: Path) -> None:
        """They go into `folder`."""
        self._folder = folder
        self._built: dict[str, tuple[StableDiffusion, Reference]] = {}

    def get(self, name: str) -> tuple[StableDiffusion, Reference]:
        """The model as the worker loads it, and as diffusers does."""
        if name not in self._built:
            folder = tiny_pipeline.build(self._folder / name, **self._KINDS[name])
            model = pipeline.load(sources.find(str(folder)), device="cpu", dtype="float32", threads=1)
            self._built[name] = (model, Reference(folder))
        return self._built[name]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    """Tiny checkpoints of every kind."""
    return Checkpoints(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def model() -> FakeModel:
    """A model that draws nothing."""
    return FakeModel()


@pytest.fixture
async def start_engine(model: FakeModel) -> AsyncIterator[StartEngine]:
    """Starts an engine round `model`, or a library of a test's own; stops it when the test is over."""
    engines: list[Engine] = []

    async def start(*, library: FakeLibrary | None = None, **bounds: Any) -> Engine:
        models = library or FakeLibrary(model)
        engines.append(Engine(load=lambda: models, bounds=Bounds(**{"slots": 1, "waiting": 2, **bounds})))
        await engines[-1].start()
        return engines[-1]

    yield start
    model.allow(10_000)
    for engine in engines:
        await engine.stop()
