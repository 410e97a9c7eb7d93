"""A checkpoint loads from safetensors alone, fails in one sentence, previews what it draws, and notices bad numbers."""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from services.gpu import bootstrap, errors, images, limits
from services.gpu.checkpoints import sources
from services.gpu.diffusion import pipeline, previews
from services.gpu.diffusion.pipeline import StableDiffusion
from services.gpu.diffusion.sampling import Trajectory
from services.gpu.requests import Adapter, Plan, Request
from services.gpu.settings import GpuSettings
from tests.support import tiny_pipeline

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array_wrap__:DeprecationWarning", "ignore::DeprecationWarning:diffusers"
)


def load(folder: Path | str, *, device: str = "cpu") -> StableDiffusion:
    """Load a checkpoint for one thread."""
    return pipeline.load(sources.find(str(folder)), device=device, dtype="auto", threads=1)


@pytest.fixture
def copy(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny checkpoint to break."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


def edit(file: Path, **changes: Any) -> None:
    """Change some keys of a JSON file."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


UNET = "unet/diffusion_pytorch_model.safetensors"


def pickle_only(folder: Path) -> None:
    """Weights as they were kept before safetensors."""
    torch.save(load_file(folder / UNET), folder / "unet" / "diffusion_pytorch_model.bin")
    (folder / UNET).unlink()


def lose_a_tensor(folder: Path) -> None:
    """All weights but one."""
    tensors = load_file(folder / UNET)
    tensors.pop("conv_in.weight")
    save_file(tensors, folder / UNET, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (pickle_only, "holds pickled weights only"),
        (lose_a_tensor, r"not complete: conv_in\.weight is missing"),
        (lambda folder: (folder / UNET).unlink(), "holds no diffusion_pytorch_model.safetensors"),
        (lambda folder: (folder / UNET).write_bytes(b"\xff" * 64), "cannot be read"),
        (lambda folder: (folder / UNET).write_bytes((folder / UNET).read_bytes()[:5000]), "cannot be read"),
        (lambda folder: (folder / UNET).write_bytes(b""), "cannot be read"),
        (lambda folder: (folder / "model_index.json").unlink(), "is no diffusers folder"),
        (lambda folder: (folder / "model_index.json").write_text("[1]"), "is no diffusers folder"),
        (
            lambda folder: edit(folder / "model_index.json", _class_name="StableDiffusionXLPipeline"),
            "StableDiffusionXL",
        ),
        (lambda folder: edit(folder / "model_index.json", _class_name=["my_code", "Evil"]), "holds a"),
        (lambda folder: shutil.rmtree(folder / "tokenizer"), "cannot be used"),
        (lambda folder: (folder / "scheduler" / "scheduler_config.json").unlink(), "cannot be used"),
        (lambda folder: (folder / "daydream.json").write_text("{"), "cannot be read"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_one_sentence(
    copy: Path, damage: Callable[[Path], object], sentence: str
) -> None:
    damage(copy)

    with pytest.raises(errors.ModelUnusable, match=sentence) as caught:
        load(copy)

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["/no/such/folder", "./models/nothing", "nothing", "a/b/c"])
def test_a_model_that_is_nowhere_is_one_sentence(source: str) -> None:
    with pytest.raises(errors.ModelUnusable, match="there is no such folder"):
        load(source)


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "cpu:x"])
def test_a_device_that_is_not_there_is_one_sentence(tiny_folder: Path, device: str) -> None:
    with pytest.raises(errors.ModelUnusable, match=f"GPU_DEVICE={device} cannot be used here"):
        load(tiny_folder, device=device)


def test_code_in_a_checkpoint_is_not_run(copy: Path) -> None:
    marker = copy / "was-run"
    (copy / "pipeline.py").write_text(f"open({str(marker)!r}, 'w')")
    (copy / "unet" / "my_unet.py").write_text(f"open({str(marker)!r}, 'w')")
    edit(copy / "unet" / "config.json", _class_name="MyUnet")

    load(copy)

    assert not marker.exists()


def test_the_card_follows_from_the_checkpoint(tiny_model: StableDiffusion) -> None:
    card = tiny_model.card

    assert (card.name, card.defaults.width, card.defaults.height) == ("tiny", 64, 64)
    assert (card.limits.size_multiple, card.limits.max_size) == (8, 768)
    assert card.samplers[0].name == "DDIM"
    assert tiny_model.device == "cpu"


def a_plan(model: StableDiffusion, **fields: Any) -> Plan:
    """A quick request."""
    return limits.settle(Request(**{"prompt": "a red circle", "steps": 3, "seed": 1, **fields}), model.card)


def drawn(model: StableDiffusion, plan: Plan) -> Trajectory:
    """The trajectory of the plan's first image, at its end."""
    trajectory = model.begin(plan, model.encode(plan), 0)
    while trajectory.done < trajectory.calls:
        assert model.step([trajectory]) == [None]
    return trajectory


def test_an_image_is_of_the_size_asked_for(tiny_model: StableDiffusion) -> None:
    trajectory = drawn(tiny_model, a_plan(tiny_model, width=72, height=96))

    (pixels,) = tiny_model.decode([trajectory])

    (exact,) = tiny_model.pictures([trajectory])
    assert isinstance(pixels, np.ndarray)
    assert isinstance(exact, torch.Tensor)
    assert pixels.shape == (96, 72, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels / 255 - exact.permute(1, 2, 0).numpy()).max() <= 0.5 / 255 + 1e-6


def test_a_file_holds_nothing_but_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (96, 72, 3), dtype=np.uint8)

    png = images.png(pixels)

    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert (image.format, image.mode, image.size, image.info) == ("PNG", "RGB", (72, 96), {})
        assert np.array_equal(np.asarray(image), pixels)


def test_a_preview_is_a_small_picture_of_the_same_shape(tiny_model: StableDiffusion) -> None:
    plan = a_plan(tiny_model, width=96, height=64)
    trajectory = tiny_model.begin(plan, tiny_model.encode(plan), 0)
    tiny_model.step([trajectory])

    pixels = tiny_model.preview(trajectory)

    assert pixels.shape == (16, 24, 3)
    assert pixels.dtype == np.uint8
    with Image.open(io.BytesIO(images.webp(pixels))) as image:
        assert (image.format, image.size) == ("WEBP", (24, 16))


def test_rows_that_fill_a_forward_up_change_nothing(tiny_model: StableDiffusion) -> None:
    plan = a_plan(tiny_model)
    alone = drawn(tiny_model, plan)
    filled = tiny_model.begin(plan, tiny_model.encode(plan), 0)

    while filled.done < filled.calls:
        tiny_model.step([filled], rows=7)

    assert torch.allclose(alone.latents, filled.latents, rtol=1e-5, atol=1e-5)


class Careful:
    """Adapters that write down what they were set to."""

    def __init__(self) -> None:
        """To nothing yet."""
        self.used: list[tuple[Adapter, ...]] = []

    def use(self, adapters: tuple[Adapter, ...]) -> None:
        """Write it down."""
        self.used.append(adapters)


def test_adapters_are_set_for_each_forward_and_part_the_buckets(tiny_model: StableDiffusion) -> None:
    careful = Careful()
    model = StableDiffusion(tiny_model.parts, adapters=careful)
    ink = (Adapter(name="ink", weight=0.5),)
    plain, inked = a_plan(model), dataclasses.replace(a_plan(model), adapters=ink)
    one, other = (model.begin(plan, model.encode(plan), 0) for plan in (plain, inked))

    model.step([one])
    model.step([other])
    model.step([one])

    assert careful.used == [(), ink, (), ink, ()]
    assert model.bucket(one) != model.bucket(other)


def test_prompts_are_encoded_once_however_often_they_come(tiny_model: StableDiffusion) -> None:
    class Counting:
        def __init__(self, encoder: Any) -> None:
            self.encoder, self.config, self.calls = encoder, encoder.config, 0

        def __call__(self, *given: Any, **named: Any) -> Any:
            self.calls += 1
            return self.encoder(*given, **named)

    counting = Counting(tiny_model.parts.text_encoder)
    model = StableDiffusion(dataclasses.replace(tiny_model.parts, text_encoder=counting))
    plans = [a_plan(model, prompt=prompt) for prompt in ("a house", "a sun", "a house")]

    encoded = [model.encode(plan).embeddings for plan in plans]

    # Both prompts, and the empty one that goes with each.
    assert counting.calls == 3
    assert torch.equal(encoded[0], encoded[2])
    assert not torch.equal(encoded[0], encoded[1])


class MixingAutoencoder:
    """An autoencoder that is linear: a latent is the mean colour of its 8 × 8 pixels, mixed, and their brightness."""

    config = SimpleNamespace(scaling_factor=0.5)
    device, dtype = torch.device("cpu"), torch.float32
    mix = torch.tensor([[0.9, -0.3, 0.1], [0.2, 0.7, -0.4], [-0.1, 0.3, 0.8], [0.3, 0.3, 0.3]])

    def encode(self, pictures: torch.Tensor) -> Any:
        """Pictures to latents."""
        small = torch.nn.functional.avg_pool2d(pictures, 8)
        latents = torch.einsum("lc,nchw->nlhw", self.mix, small)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))

    def decode(self, latents: torch.Tensor, return_dict: bool) -> tuple[torch.Tensor]:
        """Latents to pictures."""
        assert not return_dict
        small = torch.einsum("cl,nlhw->nchw", torch.linalg.pinv(self.mix), latents)
        return (torch.nn.functional.interpolate(small, scale_factor=8, mode="nearest"),)


def test_a_preview_looks_like_the_picture() -> None:
    autoencoder = MixingAutoencoder()
    previewer = previews.Previewer.fit(autoencoder, latent_pixels=8)
    picture = torch.zeros(1, 3, 32, 64)
    picture[:, :, :, 32:] = torch.tensor([0.8, -0.5, 0.2])[:, None, None]
    latents = autoencoder.encode(picture).latent_dist.mode() * autoencoder.config.scaling_factor

    pixels = previewer.render(latents)

    wanted = (torch.nn.functional.avg_pool2d(picture, 4)[0].permute(1, 2, 0) * 127.5 + 127.5).numpy()
    assert pixels.shape == (8, 16, 3)
    assert np.abs(pixels - wanted).mean() < 3


def test_a_preview_is_a_few_kilobytes_at_most() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (192, 192, 3), dtype=np.uint8)

    assert len(images.webp(noise)) < 64 * 1024


class TooBig:
    """An autoencoder that the device has no room for."""

    config = SimpleNamespace(block_out_channels=(8, 8, 16, 16), latent_channels=4)
    device, dtype = torch.device("cpu"), torch.float32

    def encode(self, pictures: torch.Tensor) -> Any:
        """Fail as torch does."""
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate a lot.")


def test_a_preview_without_room_is_our_own_error(tiny_model: StableDiffusion) -> None:
    parts = dataclasses.replace(tiny_model.parts, vae=TooBig())

    with pytest.raises(errors.OutOfMemory):
        StableDiffusion(parts)


def test_a_checkpoint_that_a_library_chokes_on_is_one_sentence(copy: Path) -> None:
    edit(copy / "scheduler" / "scheduler_config.json", num_train_timesteps="many")

    with pytest.raises(errors.ModelUnusable, match="cannot be used here") as caught:
        bootstrap.load_models(GpuSettings(model=str(copy), device="cpu", threads=1)).get("copy")

    assert "\n" not in str(caught.value)


def test_values_that_are_not_numbers_are_noticed_in_the_decoder_too(copy: Path) -> None:
    tensors = load_file(copy / "vae/diffusion_pytorch_model.safetensors")
    tensors["decoder.conv_out.bias"] = torch.full_like(tensors["decoder.conv_out.bias"], float("nan"))
    save_file(tensors, copy / "vae/diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    model = load(copy)

    (failure,) = model.decode([drawn(model, a_plan(model))])

    assert isinstance(failure, errors.NotFinite)


def test_half_precision_weights_are_drawn_in_full_on_a_cpu(tmp_path: Path) -> None:
    folder = tiny_pipeline.build(tmp_path / "half", half=True)

    model = load(folder)

    assert drawn(model, a_plan(model)).latents.dtype is torch.float32
