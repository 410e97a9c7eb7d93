"""Our scripts and style sheets without what only people read: comments, which compress badly and are a fifth of them.

There is no build step; this is what a compressed answer leaves out. Whoever asks for the plain file gets it whole.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_CSS_COMMENT: Final = re.compile(r"/\*.*?\*/\s*", re.DOTALL)


def script(text: str) -> str:
    """Without lines that are nothing but a comment.

    A line of a template literal may look like one and stays: an odd number of backticks has come before it.
    """
    return "".join(_code(text))


def _code(text: str) -> Iterator[str]:
    within = False
    for line in text.splitlines(keepends=True):
        if not within and line.lstrip().startswith("//"):
            continue
        within ^= line.count("`") % 2 == 1
        yield line


def style(text: str) -> str:
    """Without comments. None of ours stands in a string."""
    return _CSS_COMMENT.sub("", text)


OF: Final[Mapping[str, Callable[[str], str]]] = {".js": script, ".css": style}
"""What is done to a file of ours, by its ending."""
