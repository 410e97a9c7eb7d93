"""Which server, and with which key: the environment first, then what `make run` left behind."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cli.errors import NotAuthenticated

_KEY: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where to go and what to show there."""

    url: str
    """The server's address, without a slash at its end."""
    api_key: str = field(repr=False)
    """dd_…"""


def find(environment: Mapping[str, str] = os.environ) -> Access:
    """`DAYDREAM_URL` and `DAYDREAM_API_KEY`, each else from `first-run.json` in `DAYDREAM_DATA_DIR` (`var`).

    Raises NotAuthenticated where no key is found.
    """
    path = Path(environment.get("DAYDREAM_DATA_DIR") or "var") / "first-run.json"
    # The environment alone is enough; a broken file then does not matter.
    url, key = environment.get("DAYDREAM_URL", ""), environment.get("DAYDREAM_API_KEY", "")
    left = {} if url and key else _read(path)
    # A key belongs to its server: the one left behind is never shown to another.
    if not key and (not url or url.rstrip("/") == left.get("url", "").rstrip("/")):
        key = left.get("api_key", "")
    if not key:
        raise NotAuthenticated(f"No API key: set DAYDREAM_API_KEY, or run where {path} is.")
    if not _KEY.fullmatch(key):
        raise NotAuthenticated("DAYDREAM_API_KEY is no API key: it holds characters that no key has.")
    return Access(url=(url or left.get("url", "http://127.0.0.1:8000")).rstrip("/"), api_key=key)


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise NotAuthenticated(f"{path} cannot be read: {error}") from error
    return {key: value for key, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
