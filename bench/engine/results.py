"""The file of figures: what was measured, when, on what. A run replaces the arms that it measured and keeps others."""

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.engine import environments

FILE: Final = Path(__file__).parent / "results.json"
QUICK_FILE: Final = environments.HOME / "quick.json"


def read(file: Path) -> dict[str, Any]:
    """What the file holds; nothing where there is none."""
    if not file.exists():
        return {"arms": {}}
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def write(file: Path, arms: Mapping[str, Any]) -> None:
    """Put these arms into the file, beside those that are there."""
    found = read(file)
    found["machine"] = {
        "cores": os.cpu_count(),
        "processor": processor(),
        "python": platform.python_version(),
        **{library: importlib.metadata.version(library) for library in ("torch", "diffusers")},
    }
    found["settings"] = {name: value for name, value in os.environ.items() if name.startswith("GPU_")}
    found["peers"] = environments.versions()
    day = datetime.now(UTC).date().isoformat()
    found["arms"] |= {name: {"day": day, **arm} for name, arm in arms.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found, indent=1) + "\n")


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
