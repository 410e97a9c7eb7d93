"""What the documentation page shows is what happens: its commands, in its order, against a whole system."""

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.support.stack import Stack

pytestmark = pytest.mark.slow


def commands(stack: Stack, section: str) -> list[str]:
    """The commands of a section, as a person copies them from the page."""
    page = httpx.get(f"{stack.url}/docs", timeout=60).text
    part = re.search(rf'<section id="{section}">(.*?)</section>', page, re.DOTALL)
    assert part is not None
    return [html.unescape(each) for each in re.findall(r"<pre[^>]*><code>(.*?)</code></pre>", part[1], re.DOTALL)]


def shell(command: str, folder: Path, stack: Stack, **named: str) -> str:
    """Run it; what it printed."""
    environment = {
        **os.environ, "DAYDREAM_API_KEY": stack.api_key, "DAYDREAM_URL": stack.url,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", **named,
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=True
    )
    return done.stdout


def last_task(stream: str) -> Mapping[str, Any]:
    """The last task that an event stream told of."""
    told: dict[str, Any] = json.loads(re.findall(r"^event: task\n(?:id: .*\n)?data: (.*)$", stream, re.MULTILINE)[-1])
    return told


def test_the_commands_of_the_api_guide_draw_a_picture_and_begin_from_it(stack: Stack, tmp_path: Path) -> None:
    ask, follow, look, fetch, bring, begin, back, stop = commands(stack, "api")

    task = json.loads(shell(ask, tmp_path, stack))
    done = last_task(shell(follow, tmp_path, stack, ID=task["id"]))
    read = json.loads(shell(look, tmp_path, stack, ID=task["id"]))
    shell(fetch, tmp_path, stack, IMAGE=read["images"][0]["id"])
    upload = json.loads(shell(bring, tmp_path, stack))
    second = json.loads(shell(begin, tmp_path, stack, UPLOAD=upload["id"]))
    listed = json.loads(shell(back, tmp_path, stack))
    shell(stop, tmp_path, stack, ID=second["id"])

    assert (done["state"], read["state"]) == ("SUCCEEDED", "SUCCEEDED")
    with Image.open(tmp_path / "red-house.png") as image:
        assert image.info["parameters"].startswith("a red house under a yellow sun")
    assert second["parameters"]["start_image"] == {"upload_id": upload["id"]}
    assert {task["id"], second["id"]} <= {each["id"] for each in listed["tasks"]}
    # Asked for once more with the same key it is the same task.
    assert json.loads(shell(ask, tmp_path, stack))["id"] == task["id"]


def test_the_commands_of_the_command_line_do_what_they_say(stack: Stack, tmp_path: Path) -> None:
    (lines,) = commands(stack, "cli")
    export, *rest = lines.splitlines()
    assert stack.url in export

    printed = shell("\n".join(rest), tmp_path, stack)

    with Image.open(tmp_path / "red.png") as image:
        assert image.info["parameters"].startswith("a red circle on a blue background")
    assert (tmp_path / "daydream.zip").stat().st_size > 0
    assert "a red circle on a blue background" in printed
