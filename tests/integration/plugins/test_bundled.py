"""The plugins that come with Daydream, over HTTP, with the service and a worker as processes of their own."""

import base64
import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import PIL.Image
import pytest
from qhana_plugin_runner.plugin_utils.matching import data_matches

from tests.support import ports
from tests.support.plugin_host import START_SECONDS, until
from tests.support.program import Program

pytestmark = [pytest.mark.slow, pytest.mark.rotating]


class Host:
    """What a person does with it."""

    def __init__(self, origin: str) -> None:
        """It answers at `origin` already."""
        self.client = httpx.Client(base_url=origin, timeout=60)

    def metadata(self, name: str) -> dict[str, Any]:
        """Of the newest version of a plugin."""
        found: dict[str, Any] = self.client.get(f"/plugins/{name}/", follow_redirects=True).json()
        return found

    def run(self, name: str, /, **parameters: Any) -> dict[str, Any]:
        """Give a plugin its parameters and wait for its end."""
        answer = self.client.post(self.metadata(name)["entryPoint"]["href"], data=parameters)
        assert answer.status_code == 303, answer.text
        address = answer.headers["location"]
        return until(lambda: told if (told := self.client.get(address).json())["status"] != "PENDING" else None)

    def pass_on(self, output: Mapping[str, Any], name: str) -> str:
        """The URL of one plugin's output, after a look at whether another one takes it."""
        wanted = self.metadata(name)["entryPoint"]["dataInput"][0]
        assert data_matches(wanted["dataType"], wanted["contentType"], output["dataType"], output["contentType"])
        return str(output["href"])

    def picture(self, output: Mapping[str, Any]) -> PIL.Image.Image:
        """An output as a picture."""
        return PIL.Image.open(io.BytesIO(self.client.get(output["href"]).content))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The service with its own plugins and no others, and a worker."""
    folder, port = tmp_path_factory.mktemp("bundled"), ports.free_port()
    environment = {"DAYDREAM_DATA_DIR": str(folder), "PLUGINS_BIND": f"127.0.0.1:{port}", "PLUGIN_FOLDERS": ""}
    # Each is imported in a process of its own first, which takes its time to start.
    environment["PLUGIN_PROBE_SECONDS"] = "150"
    migrate = [sys.executable, "-m", "services.plugins", "migrate"]
    subprocess.run(migrate, env={**os.environ, **environment}, check=True, timeout=300)
    serving = Program("serving", ("services.plugins",), environment, folder)
    worker = Program("worker", ("services.plugins", "worker"), {**environment, "PLUGINS_WORKER_PROCESSES": "1"}, folder)
    serving.start()
    worker.start()

    def have_begun() -> bool | None:
        return ("startup complete" in serving.log and " ready." in worker.log) or not serving.runs or None

    try:
        until(have_begun, seconds=START_SECONDS)
        assert serving.runs, serving.log
        yield Host(f"http://127.0.0.1:{port}")
    finally:
        worker.kill()
        serving.kill()


def drawn() -> str:
    """A picture of 80 × 40 pixels, three quarters red and one quarter blue, as a URL."""
    image = PIL.Image.new("RGB", (80, 40), "#ff0000")
    image.paste("#0000ff", (60, 0, 80, 40))
    file = io.BytesIO()
    image.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def test_all_of_them_are_loaded_and_none_has_failed(host: Host) -> None:
    listed = host.client.get("/plugins/").json()

    assert [each["name"] for each in listed["plugins"]] == [
        "contact-sheet", "hello-world", "image-convert", "image-resize", "image-viewer", "palette", "palette-chart",
    ]  # fmt: skip
    assert listed["failed"] == []


def test_a_greeting_is_written_by_the_worker(host: Host) -> None:
    ended = host.run("hello-world", name="Ada")

    assert (ended["status"], ended["log"]) == ("SUCCESS", "Hello Ada!")
    assert host.client.get(ended["outputs"][0]["href"]).text == "Hello Ada!\n"


def test_a_picture_is_converted_resized_and_laid_out_by_three_plugins(host: Host) -> None:
    converted = host.run("image-convert", imageUrl=drawn(), targetFormat="webp")["outputs"][0]
    resized = host.run("image-resize", imageUrl=host.pass_on(converted, "image-resize"), width=40, height=40)
    small = resized["outputs"][0]
    sheet = host.run(
        "contact-sheet", image1=host.pass_on(small, "contact-sheet"), image2=converted["href"], more=drawn(),
        cellSize=64, gap=4, columns=3,
    )  # fmt: skip

    assert (host.picture(converted).format, host.picture(converted).size) == ("WEBP", (80, 40))
    assert (small["contentType"], host.picture(small).size) == ("image/webp", (40, 20))
    assert (sheet["status"], sheet["progress"]["value"], sheet["progress"]["unit"]) == ("SUCCESS", 3, "pictures")
    laid_out = host.picture(sheet["outputs"][0])
    assert (laid_out.size, laid_out.convert("RGB").getpixel((0, 0))) == ((208, 72), (255, 255, 255))
    assert laid_out.convert("RGB").getpixel((144, 36)) == (255, 0, 0)


def test_the_palette_of_a_picture_becomes_a_chart_from_json_and_from_csv(host: Host) -> None:
    ended = host.run("palette", imageUrl=drawn(), count=4)
    as_json, as_csv = ended["outputs"]
    pages = [
        host.client.get(
            host.metadata("palette-chart")["entryPoint"]["uiHref"],
            params={"data-url": host.pass_on(output, "palette-chart")},
        ).text
        for output in (as_json, as_csv)
    ]

    entities = host.client.get(as_json["href"]).json()
    assert [(each["ID"], each["colour"], each["share"]) for each in entities] == [
        ("1", "#ff0000", 0.75), ("2", "#0000ff", 0.25),
    ]  # fmt: skip
    rows = csv.DictReader(io.StringIO(host.client.get(as_csv["href"]).text))
    assert [row["colour"] for row in rows] == ["#ff0000", "#0000ff"]
    assert pages[0] == pages[1]
    assert all(words in pages[0] for words in ("75.0 %", '<rect width="333" height="28" fill="#0000ff"'))


def test_the_viewer_shows_what_a_plugin_has_put_out(host: Host) -> None:
    output = host.run("image-convert", imageUrl=drawn(), targetFormat="jpeg")["outputs"][0]

    address = host.metadata("image-viewer")["entryPoint"]["uiHref"]
    page = host.client.get(address, params={"data-url": host.pass_on(output, "image-viewer")})
    shown = host.client.get("/plugins/image-viewer@v1-0-0/picture/", params={"data-url": output["href"]})

    assert "JPEG, 80 × 40 pixels" in page.text
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.content == host.client.get(output["href"]).content


def test_what_is_no_picture_fails_with_a_sentence(host: Host) -> None:
    text = host.run("hello-world", name="Ada")["outputs"][0]["href"]

    ended = host.run("palette", imageUrl=text)
    unreachable = host.run("palette", imageUrl="http://10.0.0.1/x.png")

    assert (ended["status"], ended["log"]) == (
        "FAILURE", "PictureRefused: Only PNG, JPEG and WebP pictures can be used.",
    )  # fmt: skip
    assert unreachable["status"] == "FAILURE"
    assert "leads to an address that is not public" in unreachable["log"]
