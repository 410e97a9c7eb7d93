"""The plugins that draw, and the documentation's own, before a made-up studio: what they ask for and put out."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from daydream.tasks.v1 import tasks_pb2
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask

from services.plugins.generation.start_images import fetch_start_image
from tests.support import drawing_host, small_host
from tests.support.drawing_host import MATRIX, STARTED, TEXT, DrawingHost, begun, forgotten, held_at_the_ledger

PAGE: Final = Path(__file__).parents[3] / "docs" / "plugins.md"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[DrawingHost]:
    """A host whose plugins draw."""
    async with drawing_host.running(tmp_path) as made:
        yield made


async def test_a_start_image_is_fetched_by_a_worker_and_brought_to_the_ledger(host: DrawingHost) -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    address, request_id = await begun(host, STARTED, imageUrl=url, strength="0.5")

    async with host.following():
        with host.app.app_context():
            task_id = ProcessingTask.get_by_public_id(request_id).id  # type: ignore[union-attr]
            fetch_start_image(db_id=task_id)
        task = await host.ended(address)

    asked = host.ledger.tasks[request_id].parameters
    assert task["status"] == "SUCCESS"
    assert host.ledger.uploads == [b"\x89PNG\r\n\x1a\n"]
    assert (asked.start_image.upload_id, asked.strength) == ("upload-1", 0.5)


async def test_prompts_are_edited_in_the_second_step_and_each_is_a_task_of_the_ledger(host: DrawingHost) -> None:
    address, request_id = await begun(host, MATRIX, prompt="a {red|white} boat at {sunset|night}")
    (step,) = (await host.task(address))["steps"]
    page = (await host.ask("GET", step["uiHref"])).text
    fields = {"use": ["1", "3", "5"], "prompt-1": "a red boat", "prompt-3": "a white boat", "prompt-5": "a dog"}
    again = [(await host.ask("POST", step["href"], fields)).status_code for _ in range(2)]
    closed = (await host.ask("GET", step["uiHref"])).text

    async with host.following():
        task = await host.ended(address)

    assert [text in page for text in ("a red boat at sunset", "a white boat at night", "Generate 4")] == [True] * 3
    assert again == [303, 303]
    assert "This list is closed" in closed
    assert sorted(host.ledger.tasks) == [f"{request_id}:{number}" for number in range(3)]
    assert task["steps"][0]["cleared"]
    *pictures, listed = task["outputs"]
    entities = json.loads((await host.ask("GET", listed["href"])).data)
    assert (listed["name"], listed["dataType"]) == ("prompts.json", "entity/list")
    assert [(each["prompt"], each["seed"], each["file"], each["href"]) for each in entities] == [
        (prompt, 100, picture["name"], picture["href"])
        for prompt, picture in zip(("a red boat", "a white boat", "a dog"), pictures, strict=True)
    ]


async def test_one_prompt_that_fails_stops_the_others_and_is_named(host: DrawingHost) -> None:
    host.ledger.holds = True
    address, request_id = await begun(host, MATRIX, prompt="a {red|white} boat")
    (step,) = (await host.task(address))["steps"]
    await host.ask("POST", step["href"], {"use": ["1", "2"], "prompt-1": "a red boat", "prompt-2": "a white boat"})

    async with host.following():
        # Both, as they are asked for at once: one that never was would not have to be stopped.
        await held_at_the_ledger(host, f"{request_id}:0")
        await held_at_the_ledger(host, f"{request_id}:1")
        await host.ledger.change(f"{request_id}:1", state=tasks_pb2.TASK_STATE_FAILED, error={"message": "It broke."})
        task = await host.ended(address)
        await forgotten(host)

    assert (task["status"], task["log"].splitlines()[-1]) == ("FAILURE", "Prompt 2 of 2: It broke.")
    assert f"{request_id}:0" in host.ledger.cancelled


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Choose one prompt at least."),
        ({"use": ["1"], "prompt-1": " "}, "This prompt is empty."),
        ({"use": ["1"], "prompt-1": "a" * 513}, "A prompt has 512 characters at most, and this 513."),
        ({"use": [str(n) for n in range(65)], **{f"prompt-{n}": "a" for n in range(65)}}, "65 prompts are chosen"),
    ],
)
async def test_a_list_that_cannot_be_drawn_is_refused_with_a_sentence(
    host: DrawingHost, fields: dict[str, Any], said: str
) -> None:
    address, _ = await begun(host, MATRIX)
    (step,) = (await host.task(address))["steps"]

    refused = await host.ask("POST", step["href"], fields)

    assert (refused.status_code, said in refused.text) == (422, True)
    assert not (await host.task(address))["steps"][0]["cleared"]


@pytest.mark.parametrize("path", [TEXT, MATRIX, STARTED])
async def test_nothing_is_drawn_for_nobody(host: DrawingHost, path: str) -> None:
    fields = {"prompt": "a red boat", "imageUrl": "http://a.test/b.png"}

    refused = await host.ask("POST", path, fields, caller=None)

    assert refused.status_code == 401
    assert refused.get_json()["message"].startswith("Sign in to Daydream first")
    with host.app.app_context():
        assert DB.session.scalar(sa.select(ProcessingTask.id)) is None


async def test_the_pages_example_has_its_two_pictures_drawn(tmp_path: Path) -> None:
    ((name, module),) = re.findall(r"^```python plugin=(\S+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    folder = small_host.write(tmp_path / "plugins", {name: module})
    async with drawing_host.running(tmp_path, PLUGIN_FOLDERS=[str(folder)]) as host, host.following():
        begun = await host.ask("POST", "/plugins/postcards@v1-0-0/process/", {"place": "the sea"})
        task = await host.ended(begun.headers["Location"])

    names = [each["name"] for each in task["outputs"]]
    assert names == ["01-a-postcard-of-the-sea-at-noon.png", "02-a-postcard-of-the-sea-at-night.png"]


async def test_a_plugins_own_call_cannot_have_anything_drawn(host: DrawingHost) -> None:
    refused = await host.ask("POST", TEXT, {"prompt": "a boat"}, caller=replace(drawing_host.PERSON, token=""))

    assert (refused.status_code, "a person has to ask" in refused.text) == (403, True)
