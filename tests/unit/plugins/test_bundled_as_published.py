"""Daydream's own plugins keep the rules that published plugins are tested for, which are stricter than the host's."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.plugin_utils.types import is_valid_content_type, is_valid_data_type
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

import services.plugins
from tests.support import small_host

BUNDLED = Path(services.plugins.__file__).parent / "bundled"


@pytest.fixture
def described(tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """The metadata of each."""
    app = small_host.make(tmp_path, PLUGIN_FOLDERS=[str(BUNDLED)])
    loaded = QHAnaPluginBase.get_plugins().values()
    ours = [each for each in loaded if each.has_api and type(each).__module__.startswith("daydream_")]
    client = app.test_client()
    yield [client.get(f"/plugins/{each.identifier}/").get_json() for each in ours]
    with app.app_context():
        DB.session.remove()
        DB.engine.dispose()


def test_their_names_and_versions_are_of_the_published_form(described: list[dict[str, Any]]) -> None:
    assert described
    for each in described:
        assert re.fullmatch(r"[a-z][a-zA-Z0-9_-]*", each["name"])
        assert re.fullmatch(r"v[0-9]+(\.[0-9]+){0,2}", each["version"])


def test_their_data_and_content_types_are_those_that_are_agreed_on(described: list[dict[str, Any]]) -> None:
    entries = [each["entryPoint"] for each in described]
    items = [item for entry in entries for item in (*entry["dataInput"], *entry["dataOutput"])]

    assert [item["dataType"] for item in items if not is_valid_data_type(item["dataType"])] == []
    assert [one for item in items for one in item["contentType"] if not is_valid_content_type(one)] == []
