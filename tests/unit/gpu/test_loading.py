"""From the settings to models that draw: several of them, LoRAs, a memory limit, and one sentence when it cannot be."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from services.gpu import bootstrap, errors, limits
from services.gpu.engine.model import Model
from services.gpu.models.collection import Library
from services.gpu.requests import Adapter, Plan, Request
from services.gpu.settings import GpuSettings
from tests.support import checkpoints, tiny_pipeline

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.rotating]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A checkpoint with a card, one for inpainting, a single file, and a folder of LoRAs."""
    root = tmp_path_factory.mktemp("places")
    plain = tiny_pipeline.build(root / "plain", card={"defaults": tiny_pipeline.DEFAULTS, "limits": {"max_size": 128}})
    first = checkpoints.build(root / "first")
    checkpoints.edit_card(first, limits={"max_size": 128})
    single = checkpoints.single_file(first, root / "files" / "single.safetensors")
    shutil.copytree(first / "tokenizer", root / "files" / "tokenizer")
    single.with_suffix(".json").write_text('{"defaults": {"width": 64, "height": 64}, "limits": {"max_size": 128}}')
    holes = checkpoints.build(root / "holes", channels=9)
    checkpoints.edit_card(holes, limits={"max_size": 64})
    checkpoints.lora(root / "loras" / "ink.safetensors", seed=1)
    checkpoints.lora(root / "loras" / "wide.safetensors", seed=2, width=96)
    return {"plain": plain, "first": first, "single": single, "holes": holes, "loras": root / "loras"}


def library(*models: Path, **settings: Any) -> Library:
    """The library of these models, on one thread of the CPU."""
    named = ",".join(str(model) for model in models)
    return bootstrap.load_models(GpuSettings(**{"model": named, "device": "cpu", "threads": 1, **settings}))


def planned(model: Model[Any, Any], **fields: Any) -> Plan:
    """A short request."""
    return limits.settle(Request(**{"prompt": "a red house", "steps": 2, "seed": 1, **fields}), model.card)


def drawn(model: Model[Any, Any], **fields: Any) -> Any:
    """The picture of a short request."""
    plan = planned(model, **fields)
    trajectory = model.begin(plan, model.encode(plan), 0)
    while trajectory.done < trajectory.calls:
        assert list(model.step([trajectory])) == [None]
    return model.decode([trajectory])[0]


def test_several_models_are_known_at_once_and_each_draws(places: Mapping[str, Path]) -> None:
    models = library(places["plain"], places["single"], places["holes"])

    assert [card.name for card in models.cards()] == ["plain", "single", "holes"]
    assert [card.inpainting for card in models.cards()] == [False, False, True]
    assert [card.step_times for card in models.cards()] == [(), (), ()]
    assert drawn(models.get("single"), width=64, height=72).shape == (72, 64, 3)
    assert [bool(card.step_times) for card in models.cards()] == [False, True, False]
    models.get("holes")


def test_a_single_file_draws_what_its_folder_draws(places: Mapping[str, Path]) -> None:
    models = library(places["first"], places["single"])

    folder, single = (drawn(models.get(name)) for name in ("first", "single"))

    assert (folder == single).all()


def test_loras_that_fit_are_on_the_card_and_draw(places: Mapping[str, Path]) -> None:
    models = library(places["first"], places["plain"], adapters_dir=str(places["loras"]))
    assert [card.adapters for card in models.cards()] == [("ink",), ()]
    model = models.get("first")
    plain = drawn(model)

    inked = drawn(model, adapters=(Adapter(name="ink", weight=1.0),))

    assert (inked != plain).any()
    assert (drawn(model) == plain).all()


def test_images_with_and_without_loras_take_turns_and_each_comes_out_as_it_does_alone(
    places: Mapping[str, Path],
) -> None:
    model = library(places["first"], adapters_dir=str(places["loras"])).get("first")
    asked: list[dict[str, Any]] = [
        {},
        {"adapters": (Adapter(name="ink", weight=1.0),)},
        {"adapters": (Adapter(name="ink", weight=0.5),), "seed": 2},
    ]
    alone = [drawn(model, **fields) for fields in asked]
    plans = [planned(model, **fields) for fields in asked]

    begun = [model.begin(plan, model.encode(plan), 0) for plan in plans]
    while any(each.done < each.calls for each in begun):
        for each in begun:
            assert list(model.step([each])) == [None]
    together = [model.decode([each])[0] for each in begun]

    assert len({model.bucket(each) for each in begun}) == 3
    assert all((a == b).all() for a, b in zip(alone, together, strict=True))


def test_a_tight_memory_limit_saves_and_lowers_the_cards_limits(places: Mapping[str, Path]) -> None:
    free = library(places["first"])
    tight = library(places["first"], memory_limit="11MB")

    assert free.cards()[0].limits.max_pixels == 0
    assert 64 * 64 <= tight.cards()[0].limits.max_pixels < 128 * 128
    model: Any = tight.get("first")
    assert model.parts.unet.dtype is torch.bfloat16
    assert model.card.limits == tight.cards()[0].limits
    drawn(model)


def test_precision_that_was_set_is_not_lowered(places: Mapping[str, Path]) -> None:
    with pytest.raises(errors.ModelUnusable, match=r"The model first takes .* MB for a picture of 64 × 64"):
        library(places["first"], memory_limit="14MB", dtype="float32")


def test_a_memory_limit_decides_how_many_models_stay(places: Mapping[str, Path]) -> None:
    both = (places["first"], places["single"])
    tight, roomy = library(*both, memory_limit="14MB", dtype="bfloat16"), library(*both)
    firsts = [each.get("first") for each in (tight, roomy)]

    for each in (tight, roomy):
        each.get("single")

    assert tight.get("first") is not firsts[0]
    assert roomy.get("first") is firsts[1]


@pytest.mark.parametrize("attention", ["sdpa", "sliced", "auto"])
def test_attention_is_what_the_setting_says(places: Mapping[str, Path], attention: str) -> None:
    model: Any = library(places["first"], attention=attention).get("first")

    names = {type(each).__name__ for each in model.parts.unet.attn_processors.values()}
    assert names == {"SlicedAttnProcessor" if attention == "sliced" else "AttnProcessor2_0"}


def test_the_start_tells_of_every_model_that_cannot_be(places: Mapping[str, Path], tmp_path: Path) -> None:
    with pytest.raises(errors.ModelUnusable, match="there is no such folder or file"):
        library(places["plain"], tmp_path / "nowhere")


def test_defaults_that_break_the_limits_are_one_sentence(places: Mapping[str, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(places["plain"], tmp_path / "broken"))
    checkpoints.edit_card(folder, defaults={"steps": 99}, limits={"max_steps": 50})

    with pytest.raises(errors.ModelUnusable, match="broken break its limits: steps must be from 1 to 50"):
        library(folder)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("6000000000", 6_000_000_000),
        ("6GB", 6_000_000_000),
        ("5.5 GB", 5_500_000_000),
        ("6gib", 6 * 2**30),
        ("512MiB", 512 * 2**20),
        ("900 mb", 900_000_000),
        ("6G", 6_000_000_000),
        ("", None),
        ("  ", None),
    ],
)
def test_a_memory_limit_is_read_as_people_write_it(text: str, count: int | None) -> None:
    assert GpuSettings(memory_limit=text).memory_limit == count  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["six", "6TB", "-1", "0", "6 G B", "1e9"])
def test_a_memory_limit_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="memory_limit"):
        GpuSettings(memory_limit=text)  # type: ignore[arg-type]


def test_an_empty_folder_of_loras_is_none() -> None:
    assert GpuSettings(adapters_dir="").adapters_dir is None  # type: ignore[arg-type]


def test_models_are_set_apart_by_commas() -> None:
    assert GpuSettings(model="a/b, /some where/c.safetensors ,").models == ("a/b", "/some where/c.safetensors")
