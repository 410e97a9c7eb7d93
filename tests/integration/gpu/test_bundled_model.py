"""The model that comes with the studio loads without a word of warning and draws what is typed."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from services.gpu import limits, samplers
from services.gpu.checkpoints import sources
from services.gpu.diffusion import pipeline
from services.gpu.diffusion.pipeline import StableDiffusion
from services.gpu.requests import Request
from services.gpu.settings import BUNDLED_MODEL


@pytest.fixture(scope="module")
def model() -> StableDiffusion:
    """The bundled model in memory."""
    return pipeline.load(sources.find(str(BUNDLED_MODEL)), device="cpu", dtype="auto", threads=1)


def picture(model: StableDiffusion, **fields: object) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Pixels, height × width × 3, of a request's first image."""
    request = Request(**{"prompt": "a red house under a yellow sun", "seed": 3, **fields})  # type: ignore[arg-type]
    plan = limits.settle(request, model.card)
    trajectory = model.begin(plan, model.encode(plan), 0)
    while trajectory.done < trajectory.calls:
        assert model.step([trajectory]) == [None]
    (pixels,) = model.decode([trajectory])
    assert isinstance(pixels, np.ndarray)
    return pixels.astype(np.int64)


def test_it_loads_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="diffusers")
        # diffusers' KDPM2 speaks to NumPy in an older way, too, which NumPy complains of in its own name.
        warnings.filterwarnings("ignore", "__array_wrap__", DeprecationWarning)

        loaded = pipeline.load(sources.find(str(BUNDLED_MODEL)), device="cpu", dtype="auto", threads=1)

    assert [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
    assert loaded.card.title != loaded.card.name
    assert loaded.card.examples


def test_its_files_are_small_and_hold_no_pickles() -> None:
    files = [file for file in Path(BUNDLED_MODEL).rglob("*") if file.is_file()]

    assert sum(file.stat().st_size for file in files) < 20 * 2**20
    assert {file.suffix for file in files} <= {".safetensors", ".json", ".txt", ".md"}


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning", "ignore::DeprecationWarning:diffusers")
@pytest.mark.parametrize("sampler", [sampler.name for sampler in samplers.SAMPLERS])
def test_a_red_house_under_a_yellow_sun_is_red_and_yellow_by_every_sampler(
    model: StableDiffusion, sampler: str
) -> None:
    pixels = picture(model, sampler=sampler)

    red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
    reddish = (red > 120) & (red > green + 60) & (red > blue + 60)
    yellowish = (red > 180) & (green > 140) & (blue < green - 50)
    assert pixels.shape == (model.card.defaults.height, model.card.defaults.width, 3)
    assert reddish.mean() > 0.005
    assert yellowish.mean() > 0.002


@pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning", "ignore::DeprecationWarning:diffusers")
def test_the_prompt_makes_the_difference(model: StableDiffusion) -> None:
    blue, red = (picture(model, prompt=f"a red circle on a {colour} background") for colour in ("blue", "red"))

    corner = (slice(0, 12), slice(0, 12))
    assert blue[corner][..., 2].mean() > blue[corner][..., 0].mean() + 40
    assert red[corner][..., 0].mean() > red[corner][..., 2].mean() + 40
