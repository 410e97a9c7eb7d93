"""Where the peers live: a virtual environment each under `var/bench/`, never the project's.

torch, diffusers and transformers are a gigabyte and must be the same for all. So each environment sees the project's
packages too, at the end of its path: whatever a peer brings itself wins.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
HOME: Final = ROOT / "var" / "bench"
REQUIREMENTS: Final = Path(__file__).parent / "peers"
_STAMP: Final = "installed.txt"


def names(requirements: Path = REQUIREMENTS) -> list[str]:
    """Every environment there can be, by the files that say what it holds."""
    return sorted(file.stem for file in requirements.glob("*.txt"))


def binary(name: str, program: str) -> Path:
    """A program of an environment."""
    return HOME / name / "bin" / program


def packages(name: str) -> Path:
    """Its site-packages."""
    return HOME / name / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def installed(name: str, requirements: Path = REQUIREMENTS) -> bool:
    """Whether it holds exactly what its file asks for."""
    stamp = HOME / name / _STAMP
    return stamp.exists() and stamp.read_text() == (requirements / f"{name}.txt").read_text()


def install(name: str, requirements: Path = REQUIREMENTS) -> None:
    """Make it anew. Raises subprocess.CalledProcessError where pip cannot."""
    wanted = requirements / f"{name}.txt"
    subprocess.run([sys.executable, "-m", "venv", "--clear", HOME / name], check=True)
    pip: list[str | Path] = [
        binary(name, "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-q",
        "--no-deps",
    ]
    subprocess.run([*pip, "-r", wanted], check=True)
    # After pip has run, which would take the project's packages for the peer's own.
    (packages(name) / "project.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (HOME / name / _STAMP).write_text(wanted.read_text())


def versions() -> dict[str, str]:
    """The first line of a peer's pins that carries its own name, by environment, for the record."""
    found = {}
    for name in names():
        lines = (REQUIREMENTS / f"{name}.txt").read_text().splitlines()
        found[name] = next(line.split("==")[1] for line in lines if line.lower().startswith(f"{name}=="))
    return found


def variables(folder: Path) -> dict[str, str]:
    """What keeps a peer quiet, on one thread, and its files in `folder`."""
    return {
        "OMP_NUM_THREADS": "1",
        "GOMP_SPINCOUNT": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
        "BENTOML_HOME": str(folder),
        # Nobody is told that this was run.
        "BENTOML_DO_NOT_TRACK": "True",
        "DO_NOT_TRACK": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
