"""ZIP archives, matching, short names, and the small files that plugins hand each other."""

import base64
import io
import json
import zipfile
from collections import namedtuple
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from qhana_plugin_runner.api.plugin_schemas import PluginType
from qhana_plugin_runner.fetching import ResponseTooLargeError
from qhana_plugin_runner.plugin_utils.dimension_mapping import (
    dimension_labels,
    dimension_mapping_labels,
    entity_dimension_names,
    load_dimension_labels,
    load_dimension_mapping,
)
from qhana_plugin_runner.plugin_utils.entity_marshalling import ensure_array, load_entities
from qhana_plugin_runner.plugin_utils.execution_utils import parse_execution_options
from qhana_plugin_runner.plugin_utils.hashing import get_readable_hash
from qhana_plugin_runner.plugin_utils.matching import (
    data_matches,
    plugin_matches,
    tags_match,
    type_matches,
    version_matches,
)
from qhana_plugin_runner.plugin_utils.types import (
    AllowedContentTypes,
    AllowedDataTypesWithFormat,
    is_valid_content_type,
    is_valid_data_type,
)
from qhana_plugin_runner.plugin_utils.url_utils import get_plugin_name_from_plugin_url
from qhana_plugin_runner.plugin_utils.zip_utils import get_file_responses_from_zip, get_files_from_zip_url
from qhana_plugin_runner.util.logging import redact_log_data
from qhana_plugin_runner.util.templates import FilterExpr, QHanaTemplateCategory

from tests.support.odd_server import answering, plain


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/", "")
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return buffer.getvalue()


def data_url(content: bytes, content_type: str) -> str:
    return f"data:{content_type};base64,{quote(base64.b64encode(content))}"


def test_the_files_of_an_archive_are_read_by_url_as_text_or_bytes() -> None:
    url = data_url(zipped(b_txt="é", a_txt="x"), "application/zip")

    texts = [(name, file_.read()) for file_, name in get_files_from_zip_url(url)]
    octets = [(name, file_.read()) for file_, name in get_files_from_zip_url(url, mode="b")]

    assert texts == [("b.txt", "é"), ("a.txt", "x")]
    assert octets == [("b.txt", "é".encode()), ("a.txt", b"x")]


def test_a_long_archive_is_read_from_the_file_it_was_fetched_into() -> None:
    content = "".join(map(str, range(300_000)))
    with answering(plain(zipped(a_txt=content))) as server:
        app = Flask("host")
        app.config["ALLOWED_URL_ORIGINS"] = server.url
        with app.app_context():
            files = [(name, file_.read()) for file_, name in get_files_from_zip_url(server.url)]

    assert files == [("a.txt", content)]


def test_the_files_of_an_archive_are_responses_that_entities_can_be_loaded_from() -> None:
    responses = list(get_file_responses_from_zip(zipped(b_csv="ID\n1\n", a_json='[{"ID":"2"}]', c_xyz="")))

    about = [(response.url, response.headers["Content-Type"], response.status_code) for response in responses]
    assert about == [("a.json", "application/json", 200), ("b.csv", "text/csv", 200), ("c.xyz", None, 200)]
    assert next(load_entities(responses[1], "text/csv")).ID == "1"
    assert responses[0].json() == [{"ID": "2"}]


def test_who_knows_the_content_type_of_an_archives_files_says_it() -> None:
    content = zipped(a_json="ID\n1\n", b_xyz="ID\n2\n")

    (same,) = {each.headers["Content-Type"] for each in get_file_responses_from_zip(content, content_type="text/csv")}
    unless = [each.headers["Content-Type"] for each in get_file_responses_from_zip(content, "text/csv")]

    assert (same, unless) == ("text/csv", ["application/json", "text/csv"])


def test_an_archive_that_unpacks_to_more_than_a_body_may_hold_is_refused() -> None:
    archive = bytearray(zipped(a_txt="x"))
    at = archive.rindex(b"PK\x01\x02")
    archive[at + 24 : at + 28] = (2**32 - 2).to_bytes(4, "little")

    with pytest.raises(ResponseTooLargeError, match="ZIP"):
        list(get_file_responses_from_zip(bytes(archive)))


@pytest.mark.parametrize(
    ("wanted", "actual", "matches"),
    [
        ("*", "anything/at-all", True),
        ("entity", "entity/list", True),
        ("entity/", "entity/list", True),
        ("entity/*", "entity/list", True),
        ("entity", "entity", True),
        ("entity", "entities/list", False),
        ("entity/list", "entity/list", True),
        ("entity/list", "entity/matrix", False),
        ("text/csv", "text/csv; charset=utf-8", True),
        ("Text/CSV", "text/csv", True),
        ("custom/plot", "custom", False),
    ],
)
def test_types_match_by_the_rule_of_the_contract(wanted: str, actual: str, matches: bool) -> None:
    assert type_matches(wanted, actual) is matches


def test_data_matches_by_its_type_and_one_of_the_content_types() -> None:
    assert data_matches("entity/*", ["application/json", "text/csv"], "entity/list", "text/csv; charset=utf-8")
    assert not data_matches("entity/*", ["application/json"], "entity/list", "text/csv")
    assert not data_matches("image/*", ["*"], "entity/list", "text/csv")


@pytest.mark.parametrize(
    ("wanted", "version", "matches"),
    [
        (None, "0.1", True),
        ("", "0.1", True),
        ("v0.2.1", "v0.2.1", True),
        ("0.2.1", "v0.2.1", True),
        ("v0.2.1", "0.2.2", False),
        ("v1", "v1.4.0", True),
        ("v1", "v2.0.0", False),
        ("v1.2", "v1.2.9", True),
        (">=v0.1.0 <=v0.5.0", "v0.5.0", True),
        (">=v0.1.0 <=v0.5.0", "v0.5.1", False),
        (">=v0.1.0, <v0.5.0", "v0.4.9", True),
        (">=0.1.0,<0.5.0", "0.5.0", False),
        (">= v0.1.0", "v3.0.0", True),
        (">v1.0.0", "v1.0.0", False),
        ("!=1.0.0", "1.0.1", True),
        (">=v0.1.0", "v0.2.0rc1", True),
        (">=v0.1.0", "no version", False),
        ("nightly", "nightly", True),
        ("nightly", "v1.0.0", False),
    ],
)
def test_versions_match_exactly_by_their_beginning_or_in_a_range(
    wanted: str | None, version: str, matches: bool
) -> None:
    assert version_matches(wanted, version) is matches


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_version_is_so_odd_that_it_breaks_the_matching(wanted: str, version: str) -> None:
    assert version_matches(wanted, version) in {True, False}


def test_tags_match_when_all_are_there_and_none_that_is_forbidden() -> None:
    assert tags_match(["my-helper", "!bad-tag"], ["my-helper", "other"])
    assert not tags_match(["my-helper", "!bad-tag"], ["my-helper", "bad-tag"])
    assert not tags_match(["my-helper"], [])
    assert tags_match(None, [])


def test_a_plugin_must_match_for_all_that_is_asked() -> None:
    plugin = {"name": "helper", "version": "v0.2.0", "type": PluginType.processing, "tags": ["my-helper"]}

    assert plugin_matches({}, plugin)
    assert plugin_matches({"name": "helper", "version": ">=v0.1.0 <=v0.5.0", "type": "processing"}, plugin)
    for other in ({"name": "x"}, {"version": "v1"}, {"type": PluginType.conversion}, {"tags": ["!my-helper"]}):
        assert not plugin_matches({"name": "helper", **other}, plugin)


def test_labels_of_dimensions_say_where_they_came_from() -> None:
    mapping = [
        {"ID": "dim0", "source": "color.json", "sourceDimension": "dim1"},
        {"ID": "dim1", "source": " shape ", "sourceDimension": ""},
        {"ID": "dim2", "source": None},
        {"ID": "", "source": "x"},
    ]
    url = data_url(json.dumps(mapping).encode(), "application/json")

    assert load_dimension_labels(url) == {"dim0": "color", "dim1": "shape"}
    assert load_dimension_labels(url, include_source_dimension=True) == {"dim0": "color (dim1)", "dim1": "shape"}
    assert load_dimension_labels(None) == load_dimension_labels("") == {}


def test_labels_of_dimensions_name_the_column_where_a_file_has_several() -> None:
    mapping = [
        {"ID": "dim0", "source": "size.csv", "sourceUrl": "u", "sourceDimension": "width"},
        {"ID": "dim1", "source": "size.csv", "sourceUrl": "u", "sourceDimension": "height"},
        {"ID": "dim2", "source": "size.csv", "sourceUrl": "v", "sourceDimension": "width"},
        {"ID": "dim3", "source": "", "sourceUrl": "v", "sourceDimension": "height"},
    ]
    expected = {"dim0": "size (width)", "dim1": "size (height)", "dim2": "size"}

    labels = load_dimension_mapping(data_url(json.dumps(mapping).encode(), "application/json"))

    assert labels == dimension_mapping_labels(mapping) == expected
    assert dimension_labels(["dim2", "dim3"], labels) == ["size", "dim3"]
    assert load_dimension_mapping(None) == {}


def test_dimensions_are_named_in_the_order_of_their_values() -> None:
    point = namedtuple("point", ["ID", "href", "y", "x"])
    numbered = {"ID": "p", "href": ""} | {f"dim{number}": number for number in range(12)}

    names = entity_dimension_names([numbered])

    assert [float(name.removeprefix("dim")) for name in names] == next(ensure_array([numbered])).values
    assert entity_dimension_names([point("p", "", 1, 2)]) == ["y", "x"]
    assert entity_dimension_names([]) == []


def test_execution_options_are_the_first_entity_of_their_file() -> None:
    assert parse_execution_options("data:text/csv;charset=utf-8,ID,shots%0A1,100") == {"ID": "1", "shots": "100"}
    assert parse_execution_options("data:application/json,[]") == {}


@given(st.text())
def test_a_readable_hash_is_the_same_for_the_same_text(text: str) -> None:
    name = get_readable_hash(text)

    assert name == get_readable_hash(text) != get_readable_hash(f"{text}.")
    assert name.replace("-", "").isalpha()


def test_the_agreed_types_are_named_as_plugins_name_them() -> None:
    assert AllowedDataTypesWithFormat["ENTITY_ATTRIBUTE_METADATA"].value == "entity/attribute-metadata"
    assert AllowedContentTypes["APPLICATION_X_LINES_PLUS_JSON"].value == "application/X-lines+json"
    assert is_valid_data_type("entity/*")
    assert is_valid_content_type("*")
    assert not is_valid_data_type("x")
    assert not is_valid_content_type("x")


def test_a_plugins_name_is_the_end_of_its_url() -> None:
    assert get_plugin_name_from_plugin_url("http://a.example/plugins/hello-world%40v0-2-1/") == "hello-world@v0-2-1"


def test_private_values_do_not_reach_the_log() -> None:
    data = {"ibmq_token": "secret", "x": 1}

    assert redact_log_data(data) == {"ibmq_token": "****", "x": 1}
    assert data["ibmq_token"] == "secret"
    assert redact_log_data({"x": 1}, ("x",)) == {"x": "****"}


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ("a", True),
        ("z", False),
        ({"or": ["z", "b"]}, True),
        ({"and": ["a", "z"]}, False),
        ({"not": "z"}, True),
        ({"and": ["a", {"not": "z"}, {"or": ["z", "b"]}]}, True),
        ({"unheard": ["a"]}, False),
        ({}, False),
    ],
)
def test_categories_choose_plugins_by_their_tags(expression: FilterExpr, matches: bool) -> None:
    category = QHanaTemplateCategory.from_dict({"name": "Data Loading", "filter": expression})

    assert (category.identifier, category.tags_match_expr(["a", "b"], category.plugin_filter)) == (
        "data-loading",
        matches,
    )
