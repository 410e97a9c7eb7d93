"""Embeddings are diffusers' own, bit for bit, where it can make them; beyond, chunks and weights do what they say."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import diffusers
import pytest
import torch

from services.gpu.diffusion import prompts
from services.gpu.diffusion.prompts import Encoder
from services.gpu.settings import BUNDLED_MODEL
from tests.support import checkpoints

pytestmark = pytest.mark.filterwarnings("ignore")
_diffusers: Final[Any] = diffusers
LONG: Final = " ".join(["a red house under a yellow sun"] * 5)
"""35 words, where 14 fit."""


@pytest.fixture(scope="module", params=["small", "bundled"])
def pipeline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """diffusers' own pipeline of a checkpoint."""
    if request.param == "bundled":
        return _loaded(BUNDLED_MODEL)
    return _loaded(checkpoints.build(tmp_path_factory.mktemp("prompts") / "small"))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same, of a small one alone."""
    return _loaded(checkpoints.build(tmp_path_factory.mktemp("prompts") / "small"))


def _loaded(folder: Path) -> Any:
    pipeline = _diffusers.StableDiffusionPipeline.from_pretrained(folder)
    # diffusers looks for the encoder's last layer in a place where this version of transformers no longer has it.
    object.__setattr__(pipeline.text_encoder, "text_model", pipeline.text_encoder)
    return pipeline


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    """As when drawing."""
    with torch.inference_mode():
        yield


def encoder(pipeline: Any) -> Encoder:
    """Ours for the same parts."""
    return Encoder(
        tokenizer=pipeline.tokenizer,
        text_encoder=pipeline.text_encoder,
        device=torch.device("cpu"),
        dtype=torch.float32,
    )


def theirs(pipeline: Any, prompt: str, negative: str = "", clip_skip: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """What diffusers makes of both."""
    told = pipeline.encode_prompt(prompt, "cpu", 1, True, negative_prompt=negative, clip_skip=clip_skip or None)
    return told[0], told[1]


@pytest.mark.parametrize("clip_skip", [0, 1, 2])
@pytest.mark.parametrize(
    ("prompt", "negative"),
    [("a red house", ""), ("", ""), ("a red house, under: a sun!", "blue"), ("A :( sun", "a house. " * 2)],
)
def test_what_fits_and_has_no_weights_is_diffusers_own_to_the_bit(
    pipeline: Any, prompt: str, negative: str, clip_skip: int
) -> None:
    wanted = theirs(pipeline, prompt, negative, clip_skip)

    made = encoder(pipeline).encode(prompt, negative=negative, clip_skip=clip_skip)

    assert torch.equal(made[0], wanted[0])
    assert torch.equal(made[1], wanted[1])


def test_leaving_layers_out_makes_a_difference(small: Any) -> None:
    plain, skipped = (encoder(small).encode("a red house", clip_skip=skip)[0] for skip in (0, 1))

    assert not torch.allclose(plain, skipped)


def test_a_prompt_longer_than_the_window_is_encoded_chunk_by_chunk(small: Any) -> None:
    words = LONG.split()
    window = small.tokenizer.model_max_length

    made, _ = encoder(small).encode(LONG)

    pieces = [" ".join(words[start : start + window - 2]) for start in range(0, len(words), window - 2)]
    assert made.shape == (1, len(pieces) * window, 64)
    for number, piece in enumerate(pieces):
        chunk = made[:, number * window : (number + 1) * window]
        assert torch.equal(chunk, theirs(small, piece)[0])


@pytest.mark.parametrize(("prompt", "negative"), [(LONG, "blue"), ("blue", LONG)])
def test_the_shorter_text_is_filled_up_with_empty_chunks(small: Any, prompt: str, negative: str) -> None:
    window = small.tokenizer.model_max_length

    made = encoder(small).encode(prompt, negative=negative)

    assert made[0].shape == made[1].shape
    shorter = made[0] if prompt == "blue" else made[1]
    blue, empty = theirs(small, "blue", "")
    assert torch.equal(shorter[:, :window], blue)
    assert torch.equal(shorter[:, window : 2 * window], empty)


def test_a_text_that_fills_the_window_exactly_is_one_chunk(small: Any) -> None:
    room = small.tokenizer.model_max_length - 2

    full, _ = encoder(small).encode(" ".join(["red"] * room))
    more, _ = encoder(small).encode(" ".join(["red"] * (room + 1)))

    assert (full.shape[1], more.shape[1]) == (16, 32)


class WordTokenizer:
    """Marks the ends of words, as CLIP's does, and knows a comma."""

    model_max_length, pad_token_id = 8, 0
    vocabulary: Final = ("<pad>", "<s>", "</s>", ",</w>", "un", "der</w>", "sun</w>", "red</w>")

    def __call__(self, text: str, **options: Any) -> Any:
        """Ids of the tokens that stand in the text, apart by blanks."""
        ids = [self.vocabulary.index(token) for token in text.split()]
        return SimpleNamespace(input_ids=ids if options else [1, *ids, 2])

    def get_vocab(self) -> dict[str, int]:
        """All tokens."""
        return {token: number for number, token in enumerate(self.vocabulary)}

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        """Their texts."""
        return [self.vocabulary[each] for each in ids]


class EchoEncoder:
    """Embeds a token as its own number, and remembers what it was fed."""

    config = SimpleNamespace(use_attention_mask=True)

    def __init__(self) -> None:
        """Nothing was fed."""
        self.fed: list[list[int]] = []
        self.masks: list[list[int]] = []

    def __call__(self, ids: torch.Tensor, *, attention_mask: torch.Tensor) -> tuple[torch.Tensor]:
        """1 × tokens × 1."""
        self.fed.append(ids[0].tolist())
        self.masks.append(attention_mask[0].tolist())
        return (ids[..., None].float(),)


@pytest.mark.parametrize(
    ("prompt", "chunks"),
    [
        ("red</w> red</w> red</w> red</w> red</w> un der</w>", [[7, 7, 7, 7, 7], [4, 5]]),
        ("red</w> ,</w> red</w> red</w> red</w> red</w> sun</w>", [[7, 3], [7, 7, 7, 7, 6]]),
        ("un un un un un un un", [[4, 4, 4, 4, 4, 4], [4]]),
    ],
    ids=["no word is cut", "a comma ends a chunk", "a word without an end is"],
)
def test_chunks_end_at_a_comma_or_at_a_words_end(prompt: str, chunks: list[list[int]]) -> None:
    echo = EchoEncoder()
    ours = Encoder(tokenizer=WordTokenizer(), text_encoder=echo, device=torch.device("cpu"), dtype=torch.float32)

    ours.encode(prompt)

    fed = [chunk[1 : chunk.index(2)] for chunk in echo.fed if chunk[1] != 2]
    assert fed == chunks
    assert all(sum(mask) == chunk.index(2) + 1 for chunk, mask in zip(echo.fed, echo.masks, strict=True))


def test_a_weight_scales_its_words_and_the_rest_keeps_its_proportions(small: Any) -> None:
    plain, _ = encoder(small).encode("a red house")

    made, _ = encoder(small).encode("a (red:1.5) house")

    factors = (made / plain)[0].mean(dim=1)
    assert torch.allclose(made, plain * factors[None, :, None], atol=1e-5)
    assert factors[2] / factors[1] == pytest.approx(1.5, rel=1e-4)
    assert factors[3] == pytest.approx(float(factors[1]), rel=1e-4)


def test_weights_work_in_the_negative_prompt_and_in_later_chunks_too(small: Any) -> None:
    ours = encoder(small)

    made = ours.encode("red", negative=LONG + " (blue:1.5)")
    plain = ours.encode("red", negative=LONG + " blue")

    assert torch.equal(made[1][:, :32], plain[1][:, :32])
    assert not torch.allclose(made[1][:, 32:], plain[1][:, 32:])


def test_the_mean_stays_where_it_says_how_large_embeddings_are() -> None:
    embeddings = torch.randn(1, 16, 64, generator=torch.Generator().manual_seed(1)) + 1.0
    weights = torch.ones(16)
    weights[3] = 1.6

    scaled = prompts.weighted(embeddings, weights)

    assert float(scaled.mean()) == pytest.approx(float(embeddings.mean()), rel=1e-5)


def test_a_mean_of_nearly_zero_does_not_blow_embeddings_up() -> None:
    embeddings = torch.randn(1, 16, 64, generator=torch.Generator().manual_seed(1))
    embeddings -= embeddings.mean() - 1e-4
    weights = torch.ones(16)
    weights[3] = 1.6

    scaled = prompts.weighted(embeddings, weights)

    assert float(scaled.abs().mean()) == pytest.approx(float(embeddings.abs().mean()), rel=0.1)


def test_embeddings_come_in_the_denoisers_precision(small: Any) -> None:
    ours = Encoder(
        tokenizer=small.tokenizer,
        text_encoder=small.text_encoder,
        device=torch.device("cpu"),
        dtype=torch.bfloat16,
    )

    made, _ = ours.encode("a (red:1.2) house")

    assert made.dtype is torch.bfloat16
