"""What the documentation shows is what happens."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.stack import Stack

DOCS = Path(__file__).parents[2] / "docs"
pytestmark = pytest.mark.slow


def run(program: str, stack: Stack, folder: Path) -> str:
    """Run a program of the guide; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder, env={**os.environ, "DAYDREAM_URL": stack.url, "DAYDREAM_API_KEY": stack.api_key},
        capture_output=True, text=True, timeout=280, check=True,
    )  # fmt: skip
    return done.stdout


def programs() -> list[str]:
    """Those of the API guide."""
    return re.findall(r"```python\n(.*?)```", (DOCS / "api.md").read_text(), re.DOTALL)


def test_the_program_in_the_api_guide_draws_a_picture(stack: Stack, tmp_path: Path) -> None:
    printed = run(programs()[0], stack, tmp_path)

    (picture,) = tmp_path.glob("*.png")
    with Image.open(picture) as image:
        assert image.size == (128, 128)
        assert image.info["parameters"].startswith("a red house under a yellow sun")
    assert printed.splitlines()[-1] == "SUCCEEDED 100 %"


def test_the_program_that_begins_from_a_picture_keeps_what_it_shows(stack: Stack, tmp_path: Path) -> None:
    _, program = programs()
    Image.new("RGB", (200, 100), (250, 0, 0)).save(tmp_path / "sketch.png")

    run(program, stack, tmp_path)

    (tmp_path / "sketch.png").unlink()
    (picture,) = tmp_path.glob("*.png")
    with Image.open(picture) as image:
        assert image.size == (128, 128)
        assert "Denoising strength: 0.6" in image.info["parameters"]
