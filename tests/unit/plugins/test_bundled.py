"""The plugins that come with Daydream, without a worker: what they say, refuse, and make of pictures."""

import ast
import base64
import io
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import PIL.Image
import pytest
from flask import Flask
from flask.testing import FlaskClient
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE

from services.plugins.settings import BUNDLED
from tests.support import small_host

PROCESSING: Final = ("hello-world@v0-1-0", *(f"{name}@v1-0-0" for name in (
    "image-convert", "image-resize", "contact-sheet", "palette")))  # fmt: skip
SHOWING: Final = ("image-viewer@v1-0-0", "palette-chart@v1-0-0")
CHART: Final = "/plugins/palette-chart@v1-0-0/ui/"
VIEWER: Final = "/plugins/image-viewer@v1-0-0/ui/"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Flask]:
    """A host with them, in its context."""
    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(BUNDLED)])
    with app.app_context():
        yield app
        DB.session.remove()
        DB.engine.dispose()


@pytest.fixture
def client(host: Flask) -> FlaskClient:
    """Asks it."""
    return host.test_client()


def picture(size: tuple[int, int] = (8, 4), colour: Any = "#ff0000", *, kind: str = "PNG", **options: Any) -> str:
    """A picture of one colour, as a URL."""
    image = PIL.Image.new("RGBA" if isinstance(colour, tuple) and len(colour) == 4 else "RGB", size, colour)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return data_url(file.getvalue(), f"image/{kind.lower()}")


def data_url(data: bytes, content_type: str) -> str:
    """As a URL."""
    return f"data:{content_type};base64,{base64.b64encode(data).decode()}"


def done(task_name: str, parameters: Mapping[str, Any]) -> tuple[str, list[bytes]]:
    """What a plugin's task says and puts out, run here."""
    task = ProcessingTask(task_name=task_name, parameters=json.dumps(parameters))
    task.save(commit=True)
    said = CELERY.tasks[task_name](db_id=task.id)
    files = []
    for output in task.outputs:
        with STORE.open(output) as file:
            files.append(file.read())
    return said, files


def opened(data: bytes) -> PIL.Image.Image:
    """As a picture."""
    return PIL.Image.open(io.BytesIO(data))


def test_they_know_nothing_but_the_contract() -> None:
    imported = set()
    for file in BUNDLED.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).partition(".")[0])

    assert imported - sys.stdlib_module_names == {
        "PIL", "flask", "marshmallow", "qhana_plugin_runner", "requests", "werkzeug",
    }  # fmt: skip


@pytest.mark.parametrize("identifier", PROCESSING)
def test_a_form_shows_what_is_required_and_where_it_goes(client: FlaskClient, identifier: str) -> None:
    entry = client.get(f"/plugins/{identifier}/").get_json()["entryPoint"]

    page = client.get(entry["uiHref"]).text
    refused = client.post(entry["href"], data={})

    assert f'formaction="{entry["href"]}"' in page
    assert all(f'name="{each["parameter"]}"' in page for each in entry["dataInput"])
    assert refused.status_code == 422
    assert {each["parameter"] for each in entry["dataInput"] if each["required"]} <= set(
        refused.get_json()["errors"]["form"]
    )


@pytest.mark.parametrize("identifier", SHOWING)
def test_a_visualization_takes_one_file_and_puts_none_out(client: FlaskClient, identifier: str) -> None:
    metadata = client.get(f"/plugins/{identifier}/").get_json()

    (wanted,) = metadata["entryPoint"]["dataInput"]
    assert (metadata["type"], wanted["parameter"], wanted["required"]) == ("visualization", "data-url", True)
    assert metadata["entryPoint"]["href"] == metadata["entryPoint"]["uiHref"]
    assert metadata["entryPoint"]["dataOutput"] == []
    assert client.get(metadata["entryPoint"]["href"]).status_code == 422


def test_a_form_that_is_opened_shows_what_holds_by_default(client: FlaskClient) -> None:
    page = client.get("/plugins/contact-sheet@v1-0-0/ui/", query_string={"gap": "3"}).text

    assert 'value="#ffffff"' in page
    assert 'value="256"' in page
    assert 'value="3"' in page


def test_a_picture_is_turned_upright_and_loses_its_metadata(host: Flask) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "taken at home"
    url = picture((8, 4), kind="JPEG", exif=exif)

    _, (data,) = done("image-convert@v1-0-0.convert", {"imageUrl": url, "targetFormat": "webp"})

    assert (opened(data).format, opened(data).size) == ("WEBP", (4, 8))
    assert b"taken at home" not in data


def test_transparency_becomes_the_background_of_a_jpeg(host: Flask) -> None:
    url = picture(colour=(0, 0, 0, 0))

    _, (data,) = done(
        "image-convert@v1-0-0.convert", {"imageUrl": url, "targetFormat": "jpeg", "background": "#00ff00"}
    )

    red, green, blue = opened(data).getpixel((1, 1))  # type: ignore[misc]
    assert green > 240
    assert max(red, blue) < 20


@pytest.mark.parametrize(("shape", "size"), [("fit", (6, 3)), ("cover", (6, 6)), ("stretch", (6, 6))])
def test_a_picture_of_another_shape_fits_or_is_cut_or_stretched(host: Flask, shape: str, size: tuple[int, int]) -> None:
    wanted = {"imageUrl": picture((8, 4)), "width": 6, "height": 6, "shape": shape}

    said, (data,) = done("image-resize@v1-0-0.resize", wanted)

    assert opened(data).size == size
    assert said == f"8 × 4 became {size[0]} × {size[1]} pixels."


def test_a_line_of_a_picture_stays_a_line(host: Flask) -> None:
    wanted = {"imageUrl": picture((1000, 1)), "width": 10, "height": 10, "shape": "fit"}

    _, (data,) = done("image-resize@v1-0-0.resize", wanted)

    assert opened(data).size == (10, 1)


def test_what_is_transparent_is_no_colour_of_a_palette(host: Flask) -> None:
    image = PIL.Image.new("RGBA", (4, 4), (0, 255, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 2, 4))
    file = io.BytesIO()
    image.save(file, "PNG")

    said, (as_json, as_csv) = done(
        "palette@v1-0-0.find-colours", {"imageUrl": data_url(file.getvalue(), "image/png"), "count": 4}
    )

    assert said == "1 colours; #0000ff covers 100%."
    assert json.loads(as_json) == [
        {"ID": "1", "href": "", "colour": "#0000ff", "share": 1.0, "red": 0, "green": 0, "blue": 255}
    ]
    assert as_csv.decode().splitlines()[1] == '"1","","#0000ff","1.0","0","0","255"'


def test_a_task_that_runs_again_puts_nothing_out_twice(host: Flask) -> None:
    task = ProcessingTask(task_name="again", parameters=json.dumps({"imageUrl": picture()}))
    task.save(commit=True)

    for _ in range(2):
        CELERY.tasks["palette@v1-0-0.find-colours"](db_id=task.id)

    assert [each.file_name for each in task.outputs] == ["palette.json", "palette.csv"]


def _animation() -> str:
    frames = [PIL.Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:])
    return data_url(file.getvalue(), "image/webp")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("data:image/png,", "The picture's file is empty."),
        ("data:image/png,hello", "Only PNG, JPEG and WebP pictures can be used."),
        (picture((5001, 5000), kind="PNG", compress_level=1), "too many pixels"),
        (picture(kind="GIF"), "Only PNG, JPEG and WebP pictures can be used."),
        (picture((64, 64), kind="PNG")[:-60], "its file is damaged"),
        (_animation(), "An animation cannot be used"),
    ],
    ids=["empty", "text", "bomb", "gif", "cut short", "animation"],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(host: Flask, url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        done("image-convert@v1-0-0.convert", {"imageUrl": url, "targetFormat": "png"})


def test_the_picture_of_a_sheet_that_cannot_be_used_is_named(host: Flask) -> None:
    wanted = {"image1": picture(), "image2": "data:image/png,hello"}

    with pytest.raises(ValueError, match="Picture 2: Only PNG"):
        done("contact-sheet@v1-0-0.lay-out", wanted)


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({"more": "nonsense"}, "more"),
        ({"more": "http://a.example/x.png\n" * 99}, "more"),
        ({"more": "http://a.example/x.png\n" * 98, "cellSize": "1024"}, "cellSize"),
        ({"background": "red"}, "background"),
        ({"targetFormat": "bmp"}, "targetFormat"),
    ],
)
def test_a_sheet_that_cannot_be_is_refused_before_it_is_begun(
    client: FlaskClient, parameters: dict[str, str], key: str
) -> None:
    answer = client.post(
        "/plugins/contact-sheet@v1-0-0/process/", data={"image1": picture(), "image2": picture(), **parameters}
    )

    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]["form"]) == [key]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "A chart shows 1 to 256 colours."),
        ('[{"ID":"a","colour":"red","share":1}]', "Entity a has no colour"),
        ('[{"ID":"a","colour":"#ff0000","share":"NaN"}]', "Entity a has no share"),
        ("[1]", "This is no list of entities."),
        ("<html>", "The entities cannot be read: "),
    ],
)
def test_a_chart_of_what_is_no_palette_says_why(client: FlaskClient, content: str, sentence: str) -> None:
    answer = client.get(CHART, query_string={"data-url": data_url(content.encode(), "application/json")})

    assert answer.status_code == 422
    assert sentence in answer.text


def test_words_of_a_file_do_not_become_markup_of_a_page(client: FlaskClient) -> None:
    entities = [{"ID": "<script>alert(1)</script>", "colour": "red", "share": 1}]

    page = client.get(
        CHART, query_string={"data-url": data_url(json.dumps(entities).encode(), "application/json")}
    ).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x.png", "file:///etc/hostname", "data:image/png,hello"])
def test_the_viewer_says_why_it_shows_nothing(client: FlaskClient, url: str) -> None:
    page = client.get(VIEWER, query_string={"data-url": url})
    beside = client.get("/plugins/image-viewer@v1-0-0/picture/", query_string={"data-url": url})

    assert (page.status_code, beside.status_code) == (422, 422)
    assert 'role="alert"' in page.text
