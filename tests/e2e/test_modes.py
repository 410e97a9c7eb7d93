"""What begins from a picture, with the real worker and the bundled model."""

import io
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.support.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.rotating]
HOUSE = {"prompt": "a red house under a yellow sun", "steps": 12}


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    """A program with a key."""
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as client:
        yield client


def drawn(http: httpx.Client, **asked: Any) -> tuple[dict[str, Any], "np.ndarray[Any, Any]"]:
    """The task once it has succeeded, and its picture."""
    answer = http.post("/api/v1/tasks", json={**HOUSE, **asked})
    assert answer.status_code == 202, answer.text
    task, deadline = answer.json(), time.monotonic() + 180
    while task["state"] in {"QUEUED", "RUNNING"} and time.monotonic() < deadline:
        time.sleep(0.1)
        task = http.get(f"/api/v1/tasks/{task['id']}").json()
    assert task["state"] == "SUCCEEDED", task
    with Image.open(io.BytesIO(http.get(task["images"][0]["url"]).content)) as image:
        return task, np.asarray(image.convert("RGB")).astype(float)


def test_what_begins_from_an_image_is_closer_to_it_than_what_begins_from_noise(http: httpx.Client) -> None:
    first, picture = drawn(http, seed=1)
    begun = {"image_id": first["images"][0]["id"]}

    task, near = drawn(http, seed=2, start_image=begun, strength=0.3)
    _, fresh = drawn(http, seed=2)

    assert np.abs(near - picture).mean() < 0.5 * np.abs(fresh - picture).mean()
    assert task["parameters"]["strength"] == 0.3
    # Three of twelve steps, as ⌊12 · 0.3⌋.
    assert task["progress"] == {"step": 3, "steps": 3, "percent": 100}


def test_what_the_mask_leaves_out_stays(http: httpx.Client) -> None:
    first, picture = drawn(http, seed=1)
    hole = Image.new("L", (128, 128))
    hole.paste(255, (0, 64, 128, 128))
    file = io.BytesIO()
    hole.save(file, "PNG")
    mask = http.post("/api/v1/uploads", content=file.getvalue()).json()

    task, filled = drawn(
        http, seed=5, prompt="a blue boat on the sea at night", start_image={"image_id": first["images"][0]["id"]},
        mask={"upload_id": mask["id"]},
    )  # fmt: skip

    stays, anew = np.abs(filled - picture)[:48].mean(), np.abs(filled - picture)[80:].mean()
    assert stays < 0.5 * anew
    assert task["parameters"]["mask"] == {"upload_id": mask["id"]}
    assert http.get(mask["url"]).headers["content-type"] == "image/png"
