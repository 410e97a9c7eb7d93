"""Which addresses a sign-in may lead on to: paths of this site and nothing else."""

import re
from typing import Final

# One slash, then anything but a second slash or a backslash, which browsers read as a slash; no control characters,
# which browsers drop before they look.
_LOCAL: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


def local(wanted: str | None, *, default: str) -> str:
    """`wanted` if it is a path of this site, else `default`."""
    if wanted and len(wanted) <= 500 and _LOCAL.fullmatch(wanted):
        return wanted
    return default
