"""The samplers people know by name, as diffusers schedulers with what must be set on them.

What a setting leaves open (betas, prediction type, spacing) comes from the model's own scheduler file. Left out on
purpose: those that draw from a Brownian tree, for which diffusers needs another package (DPM++ SDE), and those no model
this worker loads is made for (TCD, EDM, flow matching).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from services.gpu.card import Sampler


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a sampler is built."""

    name: str
    """What requests and pages call it."""
    scheduler_class: str
    """The class's name in diffusers."""
    config: Mapping[str, object] = field(default_factory=dict)
    """What is set whatever the model's own file says."""
    distilled: bool = False
    """Whether it draws only with models that were distilled for it."""


_MULTISTEP: Final = "DPMSolverMultistepScheduler"
_LCM: Final = "LCMScheduler"

RECIPES: Final = (
    Recipe(
        name="DPM++ 2M",
        scheduler_class=_MULTISTEP,
        config={"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": False},
    ),
    Recipe(
        name="DPM++ 2M Karras",
        scheduler_class=_MULTISTEP,
        config={"algorithm_type": "dpmsolver++", "solver_order": 2, "use_karras_sigmas": True},
    ),
    Recipe(
        name="DPM++ 2M SDE",
        scheduler_class=_MULTISTEP,
        config={"algorithm_type": "sde-dpmsolver++", "solver_order": 2, "use_karras_sigmas": False},
    ),
    Recipe(
        name="DPM++ single-step",
        scheduler_class="DPMSolverSinglestepScheduler",
        # Without the last one it changes its own settings at odd numbers of steps, and warns each time.
        config={
            "algorithm_type": "dpmsolver++",
            "solver_order": 2,
            "use_karras_sigmas": False,
            "lower_order_final": True,
        },
    ),
    Recipe(name="Euler", scheduler_class="EulerDiscreteScheduler", config={"use_karras_sigmas": False}),
    Recipe(name="Euler a", scheduler_class="EulerAncestralDiscreteScheduler"),
    Recipe(name="Heun", scheduler_class="HeunDiscreteScheduler", config={"use_karras_sigmas": False}),
    Recipe(name="KDPM2 a", scheduler_class="KDPM2AncestralDiscreteScheduler", config={"use_karras_sigmas": False}),
    Recipe(name="LMS", scheduler_class="LMSDiscreteScheduler", config={"use_karras_sigmas": False}),
    Recipe(name="DDIM", scheduler_class="DDIMScheduler"),
    Recipe(name="DDPM", scheduler_class="DDPMScheduler"),
    Recipe(name="UniPC", scheduler_class="UniPCMultistepScheduler", config={"use_karras_sigmas": False}),
    Recipe(name="DEIS", scheduler_class="DEISMultistepScheduler", config={"use_karras_sigmas": False}),
    # The Runge-Kutta start of the paper needs more steps than people ask for; every checkpoint skips it.
    Recipe(name="PNDM", scheduler_class="PNDMScheduler", config={"skip_prk_steps": True}),
    Recipe(name="LCM", scheduler_class=_LCM, distilled=True),
)


def offered(config: Mapping[str, object], *, takes_guidance: bool) -> tuple[Recipe, ...]:
    """The recipes a model can be drawn with.

    `config` is its own scheduler file; `takes_guidance` is whether its denoiser takes the guidance scale as an input,
    as only distilled ones do.
    """
    distilled = takes_guidance or config.get("_class_name") == _LCM
    return tuple(recipe for recipe in RECIPES if distilled or not recipe.distilled)


def cards(recipes: tuple[Recipe, ...]) -> tuple[Sampler, ...]:
    """The recipes as callers know them."""
    return tuple(Sampler(name=each.name, scheduler_class=each.scheduler_class) for each in recipes)


SAMPLERS: Final = cards(offered({}, takes_guidance=False))
"""What every model can be drawn with."""


def own(config: Mapping[str, object]) -> str | None:
    """The name of the sampler a model's own scheduler file describes; None if it is not one of ours."""
    for recipe in RECIPES:
        if recipe.scheduler_class == config.get("_class_name") and all(
            config.get(key, value) == value for key, value in recipe.config.items()
        ):
            return recipe.name
    return None
