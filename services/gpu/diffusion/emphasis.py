"""Read the weights that people write into prompts; knows neither tokens nor torch.

    (word)        1.1 times as strong         (word:1.3)   1.3 times as strong
    [word]        1.1 times weaker            ((word))     1.1 × 1.1; brackets nest
    \\(word\\)      the brackets themselves, as \\[ \\] and \\\\ are

This is the notation that the users of Stable Diffusion's web pages know. A bracket without its partner is a bracket
and no weight, so that a stray one, or a smile, does not change the rest of the prompt.
"""

import re
from dataclasses import dataclass
from typing import Final

STEP: Final = 1.1
"""What a pair of brackets multiplies by, or divides by."""
MOST: Final = 4.0
"""Weights end here; beyond it nothing but noise is drawn."""

_PIECES: Final = re.compile(r"\\[()\[\]\\]|[()\[\]]|:\s*(?:\d+\.?\d*|\.\d+)\s*(?=\))|[^\\()\[\]:]+|[\\:]")
_PARTNERS: Final = {")": "(", "]": "["}


@dataclass(frozen=True, kw_only=True)
class Fragment:
    """A run of text with one weight."""

    text: str
    """As it goes to the tokenizer."""
    weight: float
    """1 as it is, 0 to MOST."""


@dataclass
class _Open:
    """A bracket that waits for its partner."""

    bracket: str
    at: int


def read(prompt: str) -> tuple[Fragment, ...]:
    """The prompt's fragments in order, neighbours of equal weight joined; one empty fragment for an empty prompt."""
    # Text and weight by turns of reading; a bracket stands as text until its partner turns up.
    texts: list[str] = []
    weights: list[float] = []
    opened: list[_Open] = []
    stated: tuple[int, float] | None = None
    for piece in _PIECES.findall(prompt):
        bracket = piece if len(piece) == 1 else ""
        partner = _partner(opened, bracket)
        if partner is not None:
            start = opened[partner].at
            # What was opened inside and never closed stays text.
            del opened[partner:]
            factor = STEP if bracket == ")" else 1 / STEP
            texts[start] = ""
            if bracket == ")" and stated is not None and stated[0] == len(texts) - 1:
                factor = stated[1]
                texts[-1] = ""
            for index in range(start, len(weights)):
                weights[index] *= factor
            continue
        if bracket in ("(", "["):
            opened.append(_Open(bracket=bracket, at=len(texts)))
        elif piece[0] == ":" and len(piece) > 1:
            stated = (len(texts), float(piece[1:]))
        texts.append(piece[1:] if piece[0] == "\\" and len(piece) == 2 else piece)
        weights.append(1.0)
    return _joined(texts, weights)


def _partner(opened: list[_Open], bracket: str) -> int | None:
    """Where in `opened` stands the bracket that this one closes, if any does."""
    wanted = _PARTNERS.get(bracket)
    places = [place for place, each in enumerate(opened) if each.bracket == wanted]
    return places[-1] if places else None


def _joined(texts: list[str], weights: list[float]) -> tuple[Fragment, ...]:
    joined: list[Fragment] = []
    for text, weight in zip(texts, weights, strict=True):
        if not text:
            continue
        held = min(weight, MOST)
        if joined and joined[-1].weight == held:
            joined[-1] = Fragment(text=joined[-1].text + text, weight=held)
        else:
            joined.append(Fragment(text=text, weight=held))
    return tuple(joined) or (Fragment(text="", weight=1.0),)
