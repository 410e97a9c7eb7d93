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


def test_the_program_in_the_api_guide_draws_a_picture(stack: Stack, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (DOCS / "api.md").read_text(), re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path, env={**os.environ, "DAYDREAM_URL": stack.url, "DAYDREAM_API_KEY": stack.api_key},
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip

    (picture,) = tmp_path.glob("*.png")
    with Image.open(picture) as image:
        assert image.size == (128, 128)
        assert image.info["parameters"].startswith("a red house under a yellow sun")
    assert done.stdout.splitlines()[-1] == "SUCCEEDED 100 %"
