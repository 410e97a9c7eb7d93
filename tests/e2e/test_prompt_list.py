"""The second step of prompt-matrix: a list of prompts is edited, tells its price, and what is chosen is drawn."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from daydream.tasks.v1 import tasks_pb2
from playwright.sync_api import Page, expect
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from werkzeug.serving import make_server

from services.plugins.generation.asking import EXTENSION, Easel
from services.plugins.generation.models import DrawingPart
from services.plugins.identity.callers import ENVIRON
from tests.e2e.conftest import NewPage
from tests.support import drawing_host
from tests.support.drawing_host import DrawingHost
from tests.support.fake_worker import model

pytestmark = [pytest.mark.browser]
MATRIX = "/plugins/prompt-matrix@v1-0-0"


@contextmanager
def running(folder: Path) -> Iterator[tuple[DrawingHost, str]]:
    """A host whose plugins draw, behind a server, with a loop beside it; everybody is somebody."""
    loop = asyncio.new_event_loop()
    beside = threading.Thread(target=loop.run_forever)
    beside.start()
    made = drawing_host.running(folder)

    def on_loop(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    host: DrawingHost = on_loop(made.__aenter__())
    known = tasks_pb2.GetCapabilitiesResponse(models=[model()])
    host.app.extensions[EXTENSION] = Easel(
        bridge=host.bridge, grants=host.grants, capabilities=lambda: known, wake=host.wake
    )

    def known_caller(environ: dict[str, Any], start: Any) -> Any:
        return host.app.wsgi_app(environ | {ENVIRON: drawing_host.PERSON}, start)

    server = make_server("127.0.0.1", 0, known_caller, threaded=True)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    host.app.config["SERVER_NAME"] = f"127.0.0.1:{server.server_port}"
    try:
        yield host, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
        on_loop(made.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        beside.join()


def step_of(page: Page, origin: str, prompt: str) -> str:
    """Begin, as the studio does for a form; the task's address, with its step's page open."""
    begun = page.request.post(f"{origin}{MATRIX}/process/", form={"prompt": prompt})
    assert begun.ok, begun.text()
    page.goto(begun.json()["steps"][0]["uiHref"])
    return begun.url


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_list_is_edited_by_keyboard_and_what_is_chosen_is_asked_for(
    new_page: NewPage, tmp_path: Path, look: str
) -> None:
    with running(tmp_path) as (host, origin):
        page = new_page(width=390, look=look)
        address = step_of(page, origin, "a {red|white} boat at {sunset|night}")
        button = page.get_by_role("button", name="Generate")

        expect(button).to_have_text("Generate 4 4 tokens about 1 s", use_inner_text=False)
        page.get_by_label("Generate prompt 2").press("Space")
        page.get_by_role("button", name="Remove prompt 1").press("Enter")
        expect(page.get_by_label("Prompt 1", exact=True)).to_be_focused()
        page.get_by_role("button", name="Add a prompt").press("Enter")
        expect(button).to_be_disabled()
        page.keyboard.type("a <b>dog</b>")
        expect(button).to_contain_text("Generate 3")
        assert Axe().run(page).response["violations"] == []
        with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            button.press("Enter")

        assert answered.value.status == 303
        assert page.request.get(address).json()["steps"][0]["cleared"]
        with host.app.app_context():
            drawings = _prompts(address)
        assert drawings == ["a white boat at sunset", "a white boat at night", "a <b>dog</b>"]


def _prompts(address: str) -> list[str]:
    task = ProcessingTask.get_by_public_id(address.rstrip("/").rpartition("/")[2])
    assert task is not None
    parts = sa.select(DrawingPart).where(DrawingPart.task_id == task.id).order_by(DrawingPart.number)
    return [each.parameters["prompt"] for each in DB.session.scalars(parts)]
