"""The file of figures: what was measured, when, on what. A run replaces the parts that it measured and keeps others."""

import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.engine.results import processor
from bench.ledger import environments

FILE: Final = Path(__file__).parent / "results.json"
QUICK_FILE: Final = environments.HOME / "ledger-quick.json"


def read(file: Path) -> dict[str, Any]:
    """What the file holds; nothing where there is none."""
    if not file.exists():
        return {"parts": {}}
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def write(file: Path, parts: Mapping[str, Any]) -> None:
    """Put these parts into the file, beside those that are there."""
    found = read(file)
    found["machine"] = {
        "cores": os.cpu_count(),
        "processor": processor(),
        "python": platform.python_version(),
    }
    found["peers"] = environments.versions()
    day = datetime.now(UTC).date().isoformat()
    found["parts"] |= {name: {"day": day, **part} for name, part in parts.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")
