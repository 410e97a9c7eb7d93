"""Prompts to embeddings: any length, with weights, and with the encoder's last layers left out.

A prompt that fits the encoder and has no weights gives what diffusers' own pipeline gives, bit for bit. A longer one is
cut into chunks that are encoded each by itself and laid one after the other, which the denoiser's cross-attention
takes as it takes a single one. Weights scale a token's embedding; afterwards the whole chunk is scaled so that its mean
is what it was, since the denoiser was trained on embeddings of that size. docs/decisions/0007 says why this is ours.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import torch

from services.gpu.diffusion import emphasis
from services.gpu.diffusion.embeddings import Embeddings

COMMA_TOKENS: Final = 20
"""A chunk that is full ends at a comma, if one is among its last so many tokens, else at the end of a word."""
_WORD_END: Final = "</w>"
_LEAST_MEAN: Final = 1e-6


@dataclass(frozen=True, kw_only=True)
class _Token:
    """A token of a prompt."""

    id: int
    weight: float


class Encoder:
    """A tokenizer and a text encoder of the CLIP kind."""

    def __init__(self, *, tokenizer: Any, text_encoder: Any, device: torch.device, dtype: torch.dtype) -> None:
        """`dtype` is what the denoiser takes embeddings in."""
        self._tokenizer, self._text_encoder, self._device, self._dtype = tokenizer, text_encoder, device, dtype
        self._window = int(tokenizer.model_max_length)
        ends = tokenizer("").input_ids
        self._begin, self._end = ends[: len(ends) // 2], ends[len(ends) // 2 :]
        self._room = self._window - len(ends)
        self._masked = bool(getattr(text_encoder.config, "use_attention_mask", False))
        # Word-level tokenizers have no mark of a word's end: there every token is a word.
        self._marked = any(token.endswith(_WORD_END) for token in tokenizer.get_vocab())
        self._seen: Embeddings[torch.Tensor] = Embeddings(held=((), 0, ()))

    def encode(
        self, text: str, *, negative: str = "", clip_skip: int = 0, adapters: Hashable = ()
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embeddings of both texts, each 1 × tokens × width, of equal length: the shorter one is filled up with what
        an empty prompt gives. `clip_skip` layers are left out from the encoder's end, the last normalisation is not;
        and as with diffusers' own pipeline, of the prompt only, never of the negative one. `adapters` says what the
        encoder is set to, for what was made with others is not this prompt's.
        """
        chunks = [self._chunks(emphasis.read(each)) for each in (text, negative)]
        longest = max(len(each) for each in chunks)
        prompt, without = (
            torch.cat(
                [
                    self._seen.get((chunk, skip, adapters), partial(self._embed, chunk, skip))
                    for chunk in [*each, *[()] * (longest - len(each))]
                ],
                dim=1,
            )
            for each, skip in zip(chunks, (clip_skip, 0), strict=True)
        )
        return prompt, without

    def _chunks(self, fragments: tuple[emphasis.Fragment, ...]) -> list[tuple[_Token, ...]]:
        tokens = [
            _Token(id=token, weight=fragment.weight)
            for fragment in fragments
            for token in self._tokenizer(fragment.text, add_special_tokens=False, verbose=False).input_ids
        ]
        chunks: list[tuple[_Token, ...]] = []
        while len(tokens) > self._room:
            cut = self._cut(tokens[: self._room])
            chunks.append(tuple(tokens[:cut]))
            tokens = tokens[cut:]
        return [*chunks, tuple(tokens)] if tokens or not chunks else chunks

    def _cut(self, tokens: list[_Token]) -> int:
        texts = self._tokenizer.convert_ids_to_tokens([token.id for token in tokens])
        for at in range(len(texts), max(0, len(texts) - COMMA_TOKENS), -1):
            if texts[at - 1].removesuffix(_WORD_END) == ",":
                return at
        ends = (at for at in range(len(texts), 0, -1) if not self._marked or texts[at - 1].endswith(_WORD_END))
        return next(ends, len(texts))

    def _embed(self, tokens: tuple[_Token, ...], clip_skip: int) -> torch.Tensor:
        ids = [*self._begin, *(token.id for token in tokens), *self._end]
        padding = self._window - len(ids)
        fed = torch.tensor([ids + [self._tokenizer.pad_token_id] * padding], device=self._device)
        mask = torch.tensor([[1] * len(ids) + [0] * padding], device=self._device) if self._masked else None
        if clip_skip:
            told = self._text_encoder(fed, attention_mask=mask, output_hidden_states=True)
            embeddings = self._text_encoder.final_layer_norm(told.hidden_states[-(clip_skip + 1)])
        else:
            embeddings = self._text_encoder(fed, attention_mask=mask)[0]
        if any(token.weight != 1 for token in tokens):
            weights = [1.0] * len(self._begin) + [token.weight for token in tokens] + [1.0] * (len(self._end) + padding)
            embeddings = weighted(embeddings, torch.tensor(weights, device=self._device))
        result: torch.Tensor = embeddings.to(self._dtype)
        return result


def weighted(embeddings: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Scale each token of 1 × tokens × width by its weight, then all of them so that the mean stays what it was.

    Equal weights would do nothing at all, so the second factor lies between one over the largest weight and one over
    the smallest. Where it does not, the mean is no measure of the embeddings' size (small encoders have it at nearly
    zero), and the mean magnitude is kept instead.
    """
    kind = embeddings.dtype
    before = embeddings.float()
    after = before * weights[None, :, None]
    least, most = float(weights.min()), float(weights.max())
    for measure in (torch.mean, lambda values: values.abs().mean()):
        old, new = float(measure(before)), float(measure(after))
        if abs(new) > _LEAST_MEAN and least * old / new <= 1 <= most * old / new:
            return (after * (old / new)).to(kind)
    return after.to(kind)
