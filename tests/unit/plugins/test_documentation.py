"""docs/plugins.md keeps its word: its example runs to its end, its template passes its test, its tables are whole."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pytest
from celery.contrib.testing.worker import start_worker
from flask.testing import FlaskClient
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.util import config

from services.plugins.settings import Settings
from tests.support import small_host
from tests.support.plugin_host import until

DOCS: Final = Path(__file__).parents[3] / "docs"
PAGE: Final = (DOCS / "plugins.md").read_text()
ENTITIES: Final = [
    {"ID": "1", "href": "", "name": "red house"},
    {"ID": "2", "href": "", "name": "white boat"},
    {"ID": "3", "href": "", "name": "boat house"},
]
CSV: Final = "ID,href,name\r\n1,,red house\r\n2,,white boat\r\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """Asks a host that has the page's plugin, and a worker in a thread."""
    folder = tmp_path_factory.mktemp("documentation")
    blocks = re.findall(r"^```python file=(\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(dict(blocks)) == len(blocks) == 4
    app = small_host.make(
        folder,
        PLUGIN_FOLDERS=[str(small_host.write(folder / "plugins", dict(blocks)))],
        CELERY={"broker_url": "memory://", "result_backend": "cache+memory://"},
    )
    with start_worker(CELERY, pool="solo", perform_ping_check=False, shutdown_timeout=60):
        yield app.test_client()


def _path(url: str) -> str:
    """Where the test's client asks for it."""
    return f"{urlsplit(url).path}?{urlsplit(url).query}"


def _begin(client: FlaskClient, url: str) -> str:
    """The address of a task that has begun with these entities."""
    metadata = client.get("/plugins/entity-filter@v1-0-0/").get_json()
    answer = client.post(metadata["entryPoint"]["href"], data={"entitiesUrl": url})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def _when(client: FlaskClient, address: str, key: str) -> dict[str, Any]:
    """The task once it has steps, or outputs."""

    def look() -> dict[str, Any] | None:
        task: dict[str, Any] = client.get(address).get_json()
        assert task["status"] != "FAILURE" or key == "outputs", task["log"]
        return task if key in task else None

    return until(look)


def test_the_example_is_walked_to_its_end_through_both_steps(client: FlaskClient) -> None:
    address = _begin(client, f"data:application/json,{quote(json.dumps(ENTITIES))}")
    (step,) = _when(client, address, "steps")["steps"]
    form = client.get(_path(step["uiHref"])).text
    unsaid = client.post(_path(step["href"]), data={"attribute": "name"})
    client.post(_path(step["href"]), data={"attribute": "name", "words": "boat"})
    task = _when(client, address, "outputs")

    assert '<option value="name">name</option>' in form
    assert unsaid.get_json()["errors"]["form"] == {"words": ["Missing data for required field."]}
    assert (task["status"], task["steps"][0]["cleared"]) == ("SUCCESS", True)
    assert task["log"] == "The attributes are ID, href, name.\n2 of 3 entities were kept."
    assert client.get(_path(task["outputs"][0]["href"])).get_json() == ENTITIES[1:]
    assert client.get(_path(step["uiHref"])).status_code == 404


def test_the_example_keeps_the_rows_of_a_csv_file_and_its_columns(client: FlaskClient) -> None:
    address = _begin(client, f"data:text/csv,{quote(CSV)}")
    (step,) = _when(client, address, "steps")["steps"]
    client.post(_path(step["href"]), data={"attribute": "name", "words": "boat"})
    (output,) = _when(client, address, "outputs")["outputs"]

    assert (output["name"], output["contentType"]) == ("filtered.csv", "text/csv")
    assert client.get(_path(output["href"])).text == '"ID","href","name"\r\n"2","","white boat"\r\n'


def test_the_example_fails_with_a_sentence_where_there_is_nothing(client: FlaskClient) -> None:
    address = _begin(client, "data:application/json,[]")
    task = _when(client, address, "outputs")

    assert (task["status"], task["log"]) == ("FAILURE", "ValueError: There are no entities in this file.")


def test_the_template_passes_its_own_test_where_it_was_copied_to(tmp_path: Path) -> None:
    shutil.copytree(DOCS / "plugin-template", tmp_path / "mine")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "tests"],
        cwd=tmp_path / "mine", capture_output=True, text=True, timeout=160, check=False,
    )  # fmt: skip

    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_every_setting_is_in_the_tables() -> None:
    ours = {str(field.validation_alias.choices[0]) if field.validation_alias else f"PLUGINS_{name.upper()}"  # type: ignore[union-attr]
            for name, field in Settings.model_fields.items()}  # fmt: skip
    known = {*config._READ, *ours}

    missing = sorted(each for each in known if f"`{each}`" not in PAGE)

    assert missing == []


def test_what_the_page_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGE) if "://" not in link]

    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
