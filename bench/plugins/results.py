"""The file of figures: what was measured, when, on what. A run replaces the hosts that it measured."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.engine.results import processor

FILE: Final = Path(__file__).parent / "results.json"
OURS: Final = "Daydream"


def read(file: Path) -> dict[str, Any]:
    """What the file holds; nothing where there is none."""
    if not file.exists():
        return {"hosts": {}}
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def write(file: Path, hosts: Mapping[str, Any]) -> None:
    """Put what these hosts came to into the file, beside those that are there; parts not measured now stay."""
    found = read(file)
    found["machine"] = {"cores": os.cpu_count(), "processor": processor(), "python": platform.python_version()}
    day = datetime.now(UTC).date().isoformat()
    for name, figures in hosts.items():
        found["hosts"][name] = {**found["hosts"].get(name, {}), "day": day, **figures}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")
