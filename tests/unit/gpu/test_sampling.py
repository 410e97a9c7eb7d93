"""Our loop gives what diffusers' own pipeline gives for the same seed, and the comparison would notice a difference."""

from pathlib import Path
from typing import Any, Final

import diffusers
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from services.gpu import limits, pipeline, samplers, sources
from services.gpu.pipeline import StableDiffusion
from services.gpu.requests import Plan, Request
from tests.support import tiny_pipeline

# diffusers 0.42 speaks to NumPy in an older way; its results are what is compared here.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers")

# Largest difference over largest value, both in float32.
TOLERANCE: Final = 1e-5
# Not typed there.
_diffusers: Final[Any] = diffusers
Images = NDArray[np.float32]


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> Any:
    """diffusers' own pipeline on the same checkpoint."""
    loaded = _diffusers.StableDiffusionPipeline.from_pretrained(tiny_folder, use_safetensors=True)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def theirs(reference: Any, plan: Plan, sample: int = 0) -> Images:
    """The image as diffusers draws it, height × width × 3 from 0 to 1."""
    recipe = next(each for each in samplers.RECIPES if each.name == plan.sampler)
    scheduler = reference.scheduler
    try:
        reference.scheduler = getattr(_diffusers, recipe.scheduler_class).from_config(scheduler.config, **recipe.config)
        drawn: Images = reference(
            plan.prompt,
            negative_prompt=plan.negative_prompt or None,
            num_inference_steps=plan.steps,
            guidance_scale=plan.guidance,
            width=plan.width,
            height=plan.height,
            generator=torch.Generator("cpu").manual_seed(plan.seed + sample),
            output_type="np",
        ).images[0]
    finally:
        reference.scheduler = scheduler
    return drawn


def ours(model: StableDiffusion, plan: Plan, sample: int = 0) -> Images:
    """The image as the engine's steps draw it."""
    trajectory = model.begin(plan, model.encode(plan), sample)
    while trajectory.done < trajectory.calls:
        model.step(trajectory)
    return model.decode(trajectory).permute(1, 2, 0).numpy()


def a_plan(model: StableDiffusion, **fields: Any) -> Plan:
    """A request with a seed."""
    asked = {"prompt": "a red circle", "steps": 6, "guidance": 5.0, "seed": 11, "width": 64, "height": 64, **fields}
    return limits.settle(Request(**asked), model.card)


def difference(one: Images, other: Images) -> float:
    """Largest difference over largest value."""
    return float(np.abs(one - other).max() / np.abs(one).max())


@pytest.mark.parametrize("sampler", [recipe.name for recipe in samplers.RECIPES])
@pytest.mark.parametrize("guidance", [5.0, 1.0])
def test_every_sampler_draws_what_diffusers_draws(
    tiny_model: StableDiffusion, reference: Any, sampler: str, guidance: float
) -> None:
    plan = a_plan(tiny_model, sampler=sampler, guidance=guidance)

    drawn = ours(tiny_model, plan)

    assert difference(theirs(reference, plan), drawn) <= TOLERANCE


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 96, "height": 72},
        {"negative_prompt": "blue house"},
        {"steps": 1},
        {"steps": 2, "sampler": "PNDM"},
        {"steps": 2, "sampler": "Heun"},
        {"prompt": "a red circle on a blue background under a yellow sun on a house on a red square"},
        {"prompt": "words it has never seen"},
        {"seed": 2**53 - 1},
    ],
)
def test_sizes_negative_prompts_few_steps_and_long_prompts_make_no_difference(
    tiny_model: StableDiffusion, reference: Any, fields: dict[str, Any]
) -> None:
    plan = a_plan(tiny_model, **{"sampler": "DDIM", **fields})

    drawn = ours(tiny_model, plan)

    assert difference(theirs(reference, plan), drawn) <= TOLERANCE


def test_later_images_of_a_request_use_the_following_seeds(tiny_model: StableDiffusion, reference: Any) -> None:
    plan = a_plan(tiny_model, sampler="Euler a", samples=3)

    drawn = ours(tiny_model, plan, sample=2)

    assert difference(theirs(reference, plan, sample=2), drawn) <= TOLERANCE


def test_a_model_that_predicts_velocity_is_drawn_the_same(tmp_path: Path) -> None:
    folder = tiny_pipeline.build(tmp_path / "velocity", prediction_type="v_prediction")
    model = pipeline.load(sources.find(str(folder)), device="cpu", dtype="float32", threads=1)
    reference = _diffusers.StableDiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    reference.set_progress_bar_config(disable=True)
    plan = a_plan(model, sampler="DPM++ 2M")

    drawn = ours(model, plan)

    assert difference(theirs(reference, plan), drawn) <= TOLERANCE


@pytest.mark.parametrize(
    "wrong", [{"seed": 12}, {"guidance": 4.5}, {"steps": 7}, {"prompt": "a blue circle"}, {"sampler": "Euler a"}]
)
def test_the_comparison_notices_what_is_different(
    tiny_model: StableDiffusion, reference: Any, wrong: dict[str, Any]
) -> None:
    plan = a_plan(tiny_model, sampler="Euler")

    drawn = ours(tiny_model, a_plan(tiny_model, **{"sampler": "Euler", **wrong}))

    assert difference(theirs(reference, plan), drawn) > 10 * TOLERANCE


def test_images_stepped_in_turns_do_not_touch_each_other(tiny_model: StableDiffusion) -> None:
    plans = [a_plan(tiny_model, sampler=sampler, seed=seed) for seed, sampler in enumerate(("PNDM", "PNDM", "Heun"))]
    alone = [ours(tiny_model, plan) for plan in plans]
    trajectories = [tiny_model.begin(plan, tiny_model.encode(plan), 0) for plan in plans]

    while unfinished := [each for each in trajectories if each.done < each.calls]:
        for trajectory in unfinished:
            tiny_model.step(trajectory)

    for image, trajectory in zip(alone, trajectories, strict=True):
        assert np.array_equal(image, tiny_model.decode(trajectory).permute(1, 2, 0).numpy())


@pytest.mark.parametrize(("sampler", "calls"), [("DDIM", 6), ("PNDM", 7), ("Heun", 11)])
def test_calls_are_counted_not_the_steps_asked_for(tiny_model: StableDiffusion, sampler: str, calls: int) -> None:
    plan = a_plan(tiny_model, sampler=sampler)

    trajectory = tiny_model.begin(plan, tiny_model.encode(plan), 0)

    assert trajectory.calls == calls


@pytest.mark.parametrize("sampler", [recipe.name for recipe in samplers.RECIPES])
def test_the_outlook_ends_where_the_image_does(tiny_model: StableDiffusion, sampler: str) -> None:
    plan = a_plan(tiny_model, sampler=sampler, steps=25, guidance=1.0)
    trajectory = tiny_model.begin(plan, tiny_model.encode(plan), 0)
    while trajectory.done < trajectory.calls:
        tiny_model.step(trajectory)

    outlook = trajectory.outlook()

    # What the last call pointed at is all but the latents it led to.
    assert difference(trajectory.latents.numpy(), outlook.numpy()) < 0.1
