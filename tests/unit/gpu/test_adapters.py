"""LoRAs change exactly the pictures that ask for them, by exactly what they hold, and nothing is left of them after."""

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from safetensors.torch import load_file, save_file

from services.gpu import errors
from services.gpu.checkpoints import adapter_files, checkpoint, sources
from services.gpu.checkpoints.checkpoint import Checkpoint
from services.gpu.diffusion.adapters import Adapters
from services.gpu.requests import Adapter
from tests.support import checkpoints

pytestmark = pytest.mark.filterwarnings("ignore")
IDS: Final = torch.arange(15)[None]
LATENTS: Final = torch.linspace(-1, 1, 4 * 8 * 8).reshape(1, 4, 8, 8)
UNET_LAYER: Final = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint's."""
    return checkpoints.build(tmp_path_factory.mktemp("adapters") / "model")


@pytest.fixture(scope="module")
def lora_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two LoRAs of both layouts, one for the denoiser alone, and one for a model of another width."""
    folder = tmp_path_factory.mktemp("loras")
    checkpoints.lora(folder / "ink.safetensors", seed=1)
    checkpoints.lora(folder / "oil.v2.safetensors", seed=2, kohya=True)
    checkpoints.lora(folder / "line.safetensors", seed=3, text=False)
    checkpoints.lora(folder / "wide.safetensors", seed=4, width=96)
    return folder


@pytest.fixture
def parts(model_folder: Path) -> Checkpoint:
    """The checkpoint in memory."""
    return checkpoint.load(sources.find(str(model_folder)), device="cpu", dtype="auto")


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    """As when drawing."""
    with torch.inference_mode():
        yield


class Drawing:
    """A checkpoint with its LoRAs, asked for one prediction at a time."""

    def __init__(self, parts: Checkpoint, folder: Path, *, held: int = 8, room: int | None = None) -> None:
        """The LoRAs are those of `folder`."""
        self.parts = parts
        self.adapters = Adapters(
            files=adapter_files.find(folder),
            unet=parts.unet,
            text_encoder=parts.text_encoder,
            held=held,
            room=room,
        )

    def __call__(self, **weights: float) -> torch.Tensor:
        """What the denoiser predicts of fixed latents and words with these LoRAs; `_` stands for a dot in names."""
        self.adapters.use(
            tuple(Adapter(name=name.replace("_", "."), weight=weight) for name, weight in weights.items())
        )
        embeddings = self.parts.text_encoder(IDS)[0]
        latents = LATENTS.to(self.parts.dtype)
        prediction = self.parts.unet(latents, torch.tensor([10.0]), encoder_hidden_states=embeddings).sample
        return torch.cat([embeddings.flatten(), prediction.flatten()])


def test_without_any_everything_is_as_if_none_was_ever_loaded(parts: Checkpoint, lora_folder: Path) -> None:
    draw = Drawing(parts, lora_folder)
    before = draw()

    for weights in ({"ink": 1.0}, {"ink": 0.5, "oil_v2": 1.0}, {"line": 2.0}):
        draw(**weights)
        assert torch.equal(draw(), before)


def test_each_ones_pictures_are_the_same_whoever_else_drew_in_between(parts: Checkpoint, lora_folder: Path) -> None:
    draw = Drawing(parts, lora_folder)
    asked: list[dict[str, float]] = [
        {"ink": 1.0}, {}, {"oil_v2": 1.0}, {"ink": 1.0, "oil_v2": 0.5}, {"line": 1.0}, {"ink": 0.3}, {"ink": -1.0},
    ]  # fmt: skip

    first = [draw(**each) for each in asked]
    again = [draw(**each) for each in reversed(asked)][::-1]

    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(not torch.allclose(a, b) for i, a in enumerate(first) for b in first[:i])


def test_a_lora_is_its_product_added_to_the_weights(parts: Checkpoint, model_folder: Path, lora_folder: Path) -> None:
    by_hand = checkpoint.load(sources.find(str(model_folder)), device="cpu", dtype="auto")
    lora = load_file(lora_folder / "line.safetensors")
    delta = lora[f"unet.{UNET_LAYER}.lora_B.weight"] @ lora[f"unet.{UNET_LAYER}.lora_A.weight"]
    by_hand.unet.get_submodule(UNET_LAYER).weight.add_(0.7 * delta)

    drawn = Drawing(parts, lora_folder)(line=0.7)

    torch.testing.assert_close(drawn, Drawing(by_hand, lora_folder)(), rtol=1e-5, atol=1e-5)


def test_the_trainers_alpha_over_rank_scales_it(parts: Checkpoint, lora_folder: Path, tmp_path: Path) -> None:
    halved = load_file(lora_folder / "oil.v2.safetensors")
    plain = {name: torch.tensor(2.0) if name.endswith("alpha") else each for name, each in halved.items()}
    save_file(plain, tmp_path / "plain.safetensors")
    save_file(halved, tmp_path / "halved.safetensors")
    draw = Drawing(parts, tmp_path)

    half_of_plain, halved_itself = draw(plain=0.5), draw(halved=1.0)

    torch.testing.assert_close(half_of_plain, halved_itself, rtol=1e-5, atol=1e-5)


def test_no_weight_is_the_same_as_not_being_asked_for(parts: Checkpoint, lora_folder: Path) -> None:
    draw = Drawing(parts, lora_folder)

    assert torch.equal(draw(ink=0.0), draw())


@pytest.mark.parametrize("bounds", [{"held": 1}, {"room": 1}], ids=["by number", "by size"])
def test_only_so_many_are_kept_in_memory_and_those_that_left_come_back_the_same(
    parts: Checkpoint, lora_folder: Path, bounds: dict[str, int]
) -> None:
    draw = Drawing(parts, lora_folder, **bounds)
    ink = draw(ink=1.0)
    draw(oil_v2=1.0)

    assert len(parts.unet.peft_config) == 1
    assert torch.equal(draw(ink=1.0), ink)
    draw(ink=1.0, oil_v2=1.0)
    assert len(parts.unet.peft_config) == 2


def test_the_model_stays_without_gradients_and_in_its_precision(model_folder: Path, lora_folder: Path) -> None:
    parts = checkpoint.load(sources.find(str(model_folder)), device="cpu", dtype="bfloat16")

    Drawing(parts, lora_folder)(ink=1.0)

    tensors = [each for part in (parts.unet, parts.text_encoder) for each in part.parameters()]
    assert {each.dtype for each in tensors} == {torch.bfloat16}
    assert not any(each.requires_grad for each in tensors)


def as_pickle(file: Path) -> None:
    """What torch.save writes."""
    file.write_bytes(pickle.dumps({"a": 1}))


def of_other_layers(file: Path) -> None:
    """For layers that the model has not."""
    save_file({f"unet.elsewhere.to_k.lora_{side}.weight": torch.ones(64, 64) for side in "AB"}, file)


def of_some_other_layers(file: Path) -> None:
    """For one layer that the model has, and one that it has not."""
    layers = (UNET_LAYER, UNET_LAYER.replace("down_blocks.0", "down_blocks.7"))
    save_file({f"unet.{layer}.lora_{side}.weight": torch.ones(64, 64) for layer in layers for side in "AB"}, file)


def as_dora(file: Path) -> None:
    """Another kind, which holds a LoRA and something more."""
    save_file({**load_file(file.with_name("good.safetensors")), "unet.to_k.dora_scale": torch.ones(64)}, file)


@pytest.mark.parametrize(
    "damage",
    [
        as_pickle,
        as_dora,
        of_other_layers,
        of_some_other_layers,
        lambda file: checkpoints.lora(file, seed=1, width=96),
        lambda file: save_file({"weight": torch.ones(2)}, file),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.with_name("good.safetensors").read_bytes()[:2000]),
    ],
    ids=["pickle", "another kind", "no layers", "some layers", "wrong shapes", "no LoRA", "empty", "cut short"],
)
def test_a_file_that_does_not_fit_is_a_sentence_and_changes_nothing(
    parts: Checkpoint, tmp_path: Path, damage: Callable[[Path], Any]
) -> None:
    checkpoints.lora(tmp_path / "good.safetensors", seed=1)
    damage(tmp_path / "bad.safetensors")
    draw = Drawing(parts, tmp_path)
    plain, good = draw(), draw(good=1.0)

    with pytest.raises(errors.AdapterUnusable, match="'bad' does not fit this model"):
        draw(good=0.5, bad=1.0)

    assert torch.equal(draw(), plain)
    assert torch.equal(draw(good=1.0), good)


def test_only_the_folders_own_files_have_names(lora_folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "below").mkdir(parents=True)
    for file in (root / "mine.safetensors", root / "below/deep.safetensors", tmp_path / "outside.safetensors"):
        checkpoints.lora(file, seed=1)
    (root / "link.safetensors").symlink_to(tmp_path / "outside.safetensors")
    (root / "notes.txt").write_text("x")

    assert list(adapter_files.find(root)) == ["mine"]
    assert adapter_files.find(None) == {}


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "below/deep", "nothing", ""])
def test_a_name_never_becomes_a_path(parts: Checkpoint, lora_folder: Path, name: str) -> None:
    draw = Drawing(parts, lora_folder)

    with pytest.raises(errors.AdapterUnusable):
        draw.adapters.use((Adapter(name=name, weight=1.0),))


def test_those_made_for_other_models_are_not_offered(lora_folder: Path) -> None:
    files = adapter_files.find(lora_folder)

    assert list(adapter_files.fitting(files, 64)) == ["ink", "line", "oil.v2"]
    assert list(adapter_files.fitting(files, 96)) == ["wide"]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(errors.ModelUnusable, match=r"GPU_ADAPTERS_DIR=.*: there is no such folder"):
        adapter_files.find(tmp_path / "nowhere")
