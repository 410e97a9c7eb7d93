"""The command line and the API behind it, against the whole stack."""

import io
import os
import subprocess
import sys
from pathlib import Path

import httpx
from PIL import Image

from tests.support.stack import ROOT, Stack

COMMAND = [sys.executable, "-c", "from cli.main import main; main()"]


def daydream(stack: Stack, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder, with nothing but what the stack left behind."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DAYDREAM_")}
    environment = {**kept, "DAYDREAM_DATA_DIR": str(stack.data), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )


def test_a_picture_is_drawn_and_written_from_the_command_line(stack: Stack, tmp_path: Path) -> None:
    ended = daydream(stack, tmp_path, "generate", "a red circle on a blue background", "--out", "red.png")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "red.png\n"
    Image.open(tmp_path / "red.png").verify()
    assert "a red circle on a blue background" in daydream(stack, tmp_path, "tasks").stdout


def test_the_same_seed_gives_the_same_picture(stack: Stack, tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        ended = daydream(stack, tmp_path, "generate", "a blue square", "--seed", "7", "--steps", "4", "--out", name)
        assert ended.returncode == 0, ended.stderr

    one, two = (Image.open(tmp_path / name).tobytes() for name in ("one.png", "two.png"))

    assert one == two


def test_the_api_goes_from_submit_over_events_to_the_file(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {stack.api_key}"}, timeout=60) as http:
        task = http.post("/api/v1/tasks", json={"prompt": "a red square", "steps": 4}).raise_for_status().json()

        with http.stream("GET", f"/api/v1/tasks/{task['id']}/events") as events:
            told = [line for line in events.iter_lines() if line.startswith("event: ")]
        ended = http.get(f"/api/v1/tasks/{task['id']}").json()
        file = http.get(ended["images"][0]["url"])

    assert told[-1] == "event: task"
    assert (ended["state"], ended["charged"]) == ("SUCCEEDED", task["price"])
    assert file.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(file.content)).size == (ended["images"][0]["width"], ended["images"][0]["height"])
