r"""Prompts with alternatives, written out: `a {red|white} boat` is two of them.

Alternatives may stand in each other and may be empty. `\{`, `\|`, `\}` and `\\` are the characters themselves, and a
bar outside of braces is one too.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

MOST_PROMPTS: Final = 64
MOST_CHARACTERS: Final = 512
"""Of one prompt, as the studio has it."""
MOST_DEPTH: Final = 8
_ESCAPED: Final = "{|}\\"


class NotWritable(ValueError):
    """A text that cannot be written out; says why in a sentence."""


@dataclass(frozen=True)
class _Choice:
    """One pair of braces."""

    options: "Sequence[_Text]"


_Text = Sequence["str | _Choice"]


def prompts(text: str) -> list[str]:
    """Every prompt that a text stands for, each once, the first alternative first. Raises NotWritable."""
    parsed = _Parser(text).parse()
    # Counted before anything is written out: a short text may stand for millions.
    if (count := _count(parsed)) > MOST_PROMPTS:
        raise NotWritable(f"This makes {count:,} prompts; {MOST_PROMPTS} are the most.")
    written = list(dict.fromkeys(" ".join(each.split()) for each in _written(parsed)))
    for each in written:
        if not each:
            raise NotWritable("One of the prompts is empty.")
        if len(each) > MOST_CHARACTERS:
            raise NotWritable(f"A prompt has {len(each)} characters; {MOST_CHARACTERS} are the most: “{each[:60]}…”")
    return written


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def parse(self) -> _Text:
        parsed = self._sequence(depth=0)
        if self._at < len(self._text):
            raise NotWritable(f"The }} at character {self._at + 1} closes nothing; write \\}} for the brace itself.")
        return parsed

    def _sequence(self, *, depth: int) -> _Text:
        """Up to what ends it: a bar or a brace of the alternatives around it, or the end of the text."""
        parts: list[str | _Choice] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "}" or (character == "|" and depth):
                break
            if character == "{":
                parts.append(self._choice(depth=depth + 1))
                continue
            if character == "\\" and self._text[self._at + 1 : self._at + 2] in tuple(_ESCAPED):
                self._at += 1
                character = self._text[self._at]
            parts.append(character)
            self._at += 1
        return parts

    def _choice(self, *, depth: int) -> _Choice:
        opened = self._at
        if depth > MOST_DEPTH:
            raise NotWritable(f"Alternatives stand in each other more than {MOST_DEPTH} deep.")
        options = []
        while True:
            # Past the brace that opens it, or the bar between two.
            self._at += 1
            options.append(self._sequence(depth=depth))
            if self._at >= len(self._text):
                raise NotWritable(f"The {{ at character {opened + 1} is never closed; write \\{{ for the brace itself.")
            if self._text[self._at] == "}":
                self._at += 1
                return _Choice(options)


def _count(text: _Text) -> int:
    return math.prod(sum(_count(option) for option in part.options) for part in text if isinstance(part, _Choice))


def _written(text: _Text) -> Iterator[str]:
    ways = (
        [part] if isinstance(part, str) else [way for option in part.options for way in _written(option)]
        for part in text
    )
    return ("".join(parts) for parts in itertools.product(*ways))
