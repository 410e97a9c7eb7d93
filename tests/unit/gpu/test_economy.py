"""What saves memory is switched on and off on the real parts, and the pictures stay what they were."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from services.gpu import errors
from services.gpu.checkpoints import checkpoint, sources
from services.gpu.checkpoints.checkpoint import Checkpoint
from services.gpu.diffusion.pipeline import StableDiffusion
from services.gpu.models import economy, warmup
from services.gpu.models.memory import Economies
from tests.support import checkpoints

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A checkpoint of 64 × 64."""
    folder = checkpoints.build(tmp_path_factory.mktemp("economy") / "model")
    return checkpoint.load(sources.find(str(folder)), device="cpu", dtype="auto")


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    """As when drawing."""
    with torch.inference_mode():
        yield


def predicted(parts: Checkpoint) -> torch.Tensor:
    """The denoiser's answer to something fixed."""
    embeddings = torch.linspace(-1, 1, 2 * 16 * 64).reshape(2, 16, 64)
    latents = torch.linspace(-1, 1, 2 * 4 * 8 * 8).reshape(2, 4, 8, 8)
    answer: torch.Tensor = parts.unet(latents, torch.tensor([10.0]), encoder_hidden_states=embeddings).sample
    return answer


def decoded(parts: Checkpoint) -> torch.Tensor:
    """Two pictures of 64 × 64."""
    pictures: torch.Tensor = parts.vae.decode(torch.linspace(-1, 1, 2 * 4 * 8 * 8).reshape(2, 4, 8, 8)).sample
    return pictures


def test_sliced_attention_and_one_picture_at_a_time_draw_the_same(parts: Checkpoint) -> None:
    economy.apply(parts, Economies())
    plain = predicted(parts), decoded(parts)

    economy.apply(parts, Economies(sliced_attention=True, sliced_vae=True))

    assert parts.vae.use_slicing
    assert {type(each).__name__ for each in parts.unet.attn_processors.values()} == {"SlicedAttnProcessor"}
    torch.testing.assert_close(predicted(parts), plain[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(decoded(parts), plain[1], rtol=1e-4, atol=1e-5)


def test_tiles_are_half_the_models_own_size_and_come_close(parts: Checkpoint) -> None:
    economy.apply(parts, Economies())
    plain = decoded(parts)

    economy.apply(parts, Economies(tiled_vae=True))

    assert (parts.vae.tile_sample_min_size, parts.vae.tile_latent_min_size) == (32, 4)
    tiled = decoded(parts)
    assert tiled.shape == plain.shape
    assert not torch.equal(tiled, plain)


def test_what_is_switched_off_again_leaves_nothing(parts: Checkpoint) -> None:
    economy.apply(parts, Economies())
    plain = predicted(parts), decoded(parts)
    economy.apply(parts, Economies(sliced_attention=True, sliced_vae=True, tiled_vae=True))

    economy.apply(parts, Economies())

    assert torch.equal(predicted(parts), plain[0])
    assert torch.equal(decoded(parts), plain[1])


def test_channels_last_lays_the_weights_out_anew_and_draws_the_same(parts: Checkpoint) -> None:
    laid = checkpoint.load(parts.source, device="cpu", dtype="auto", channels_last=True)

    assert laid.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(predicted(laid), predicted(parts), rtol=1e-4, atol=1e-5)


class Compilable:
    """A denoiser that notes that it is to be compiled."""

    def __init__(self) -> None:
        """It is not, yet."""
        self.compiled = False

    def compile(self) -> None:
        """It is."""
        self.compiled = True


def test_only_the_denoiser_is_compiled() -> None:
    parts: Any = SimpleNamespace(unet=Compilable(), vae=Compilable(), text_encoder=Compilable())

    economy.compile_parts(parts)

    assert [parts.unet.compiled, parts.vae.compiled, parts.text_encoder.compiled] == [True, False, False]


def test_a_cpus_room_is_for_the_operator_to_say() -> None:
    assert economy.room(torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("auto", torch.float32), ("float16", torch.float16), ("bfloat16", torch.bfloat16), ("float32", torch.float32)],
)
def test_the_setting_names_the_kind_of_number(name: str, kind: torch.dtype) -> None:
    assert checkpoint.dtype_of(name, torch.device("cpu")) is kind


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "cpu:x"])
def test_a_device_that_is_not_there_is_one_sentence(name: str) -> None:
    with pytest.raises(errors.ModelUnusable, match=f"GPU_DEVICE={name} cannot be used here"):
        checkpoint.device_of(name)


class FakeGauge:
    """Counts resets, and says how often it was reset."""

    def __init__(self) -> None:
        """Never, yet."""
        self.resets = 0

    def reset(self) -> None:
        """Once more."""
        self.resets += 1

    def most(self) -> int:
        """As many bytes as resets."""
        return self.resets


def test_what_is_measured_is_drawn_with_the_economies_that_are_asked_about(parts: Checkpoint) -> None:
    model, gauge = StableDiffusion(parts), FakeGauge()
    meter = economy.Measuring(
        model,
        parts,
        gauge=gauge,
        plan=lambda width, height: warmup.plan(model.card, width, height),
        decoded=2,
    )

    step = meter.step(Economies(sliced_attention=True), width=64, height=72, rows=4)
    sliced = {type(each).__name__ for each in parts.unet.attn_processors.values()}
    decode = meter.decode(Economies(sliced_vae=True), width=64, height=72)

    assert (step, decode) == (1, 2)
    assert sliced == {"SlicedAttnProcessor"}
    assert parts.vae.use_slicing
    assert {type(each).__name__ for each in parts.unet.attn_processors.values()} == {"AttnProcessor2_0"}


def test_weights_are_counted_in_bytes(parts: Checkpoint, tmp_path: Path) -> None:
    half = checkpoint.load(parts.source, device="cpu", dtype="bfloat16")

    assert parts.nbytes == 4 * parts.anatomy.parameters
    assert half.nbytes == parts.nbytes // 2
