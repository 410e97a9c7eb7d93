"""A model's own file fills its card; what it leaves out follows from the weights, and nonsense is one sentence."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from services.gpu import card, errors, samplers

TRAITS = card.Traits(native_size=512, max_size=768, size_multiple=8, sampler="PNDM", text_layers=12)


def read(folder: Path, said: Any | None = None) -> card.Card:
    """The card of a folder whose file says this."""
    if said is not None:
        (folder / card.FILE).write_text(said if isinstance(said, str) else json.dumps(said))
    return card.read(folder / card.FILE, name="folder-name", traits=TRAITS, samplers=samplers.SAMPLERS)


def test_a_checkpoint_without_a_file_gets_sensible_defaults(tmp_path: Path) -> None:
    told = read(tmp_path)

    assert (told.name, told.title) == ("folder-name", "folder-name")
    assert (told.defaults.steps, told.defaults.guidance) == (25, 7.5)
    assert (told.defaults.width, told.defaults.height) == (512, 512)
    assert (told.limits.max_size, told.limits.size_multiple) == (768, 8)
    assert (told.limits.max_clip_skip, told.inpainting, told.adapters) == (11, False, ())
    assert (told.limits.max_guidance, told.limits.max_samples, told.limits.max_prompt_chars) == (20, 10, 512)


def test_the_models_own_sampler_comes_first(tmp_path: Path) -> None:
    told = read(tmp_path)

    assert told.samplers[0].name == told.defaults.sampler == "PNDM"
    assert {each.name for each in told.samplers} == {each.name for each in samplers.SAMPLERS}


def test_a_model_whose_sampler_we_do_not_offer_is_drawn_with_dpm(tmp_path: Path) -> None:
    told = card.read(
        tmp_path / card.FILE, name="x", traits=dataclasses.replace(TRAITS, sampler=None), samplers=samplers.SAMPLERS
    )

    assert told.samplers[0].name == "DPM++ 2M"


def test_the_file_says_what_it_wants_and_the_rest_stays(tmp_path: Path) -> None:
    said = {
        "name": "mini", "title": "Mini", "description": "Small.", "examples": ["a house"], "words": ["house"],
        "defaults": {"steps": 20, "guidance": 2.5, "width": 128, "height": 128, "sampler": "DDIM"},
        "limits": {"min_size": 64, "max_size": 256, "size_multiple": 32, "max_steps": 50}, "something": "new",
    }  # fmt: skip

    told = read(tmp_path, said)

    assert (told.name, told.title, told.description) == ("mini", "Mini", "Small.")
    assert told.defaults == card.Defaults(steps=20, guidance=2.5, width=128, height=128, sampler="DDIM")
    assert (told.limits.max_size, told.limits.max_steps, told.limits.max_samples) == (256, 50, 10)
    assert (told.examples, told.words) == (("a house",), ("house",))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("{", "cannot be read"),
        ("[]", "is not right at its top"),
        ({"limits": {"max_steps": 0}}, "is not right at max_steps"),
        ({"defaults": {"guidance": "NaN"}}, "is not right at guidance"),
        ({"limits": {"size_multiple": 12}}, "latents stand for 8 pixels"),
        ({"defaults": {"sampler": "magic"}}, "names the sampler 'magic'"),
        ({"name": ""}, "is not right at name"),
        ({"prediction_type": "wish"}, "is not right at prediction_type"),
        ({"limits": {"max_clip_skip": 12}}, "12 layers of the text encoder be left out, of 12"),
    ],
)
def test_a_file_that_is_wrong_is_one_sentence_that_says_where(tmp_path: Path, said: Any, sentence: str) -> None:
    with pytest.raises(errors.ModelUnusable, match=sentence) as caught:
        read(tmp_path, said)

    assert card.FILE in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"_class_name": "PNDMScheduler", "skip_prk_steps": True}, "PNDM"),
        ({"_class_name": "PNDMScheduler", "skip_prk_steps": False}, None),
        ({"_class_name": "DPMSolverMultistepScheduler", "use_karras_sigmas": True}, "DPM++ 2M Karras"),
        ({"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++"}, "DPM++ 2M SDE"),
        ({"_class_name": "LCMScheduler"}, "LCM"),
        ({"_class_name": "TCDScheduler"}, None),
        ({}, None),
    ],
)
def test_a_scheduler_file_is_known_by_its_class_and_settings(config: dict[str, object], name: str | None) -> None:
    assert samplers.own(config) == name
