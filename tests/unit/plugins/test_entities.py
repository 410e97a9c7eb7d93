"""Entities are read and written as they come, in the three formats."""

import io
import json
import tracemalloc
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qhana_plugin_runner.fetching.bodies import StoredResponse
from qhana_plugin_runner.plugin_utils.attributes import AttributeMetadata
from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    ArrayEntity,
    EntityTupleMixin,
    array_to_entity,
    ensure_array,
    ensure_dict,
    ensure_tuple,
    entity_attribute_sort_key,
    get_entity_tuple_class,
    load_entities,
    save_entities,
)
from requests import Response
from requests.exceptions import JSONDecodeError

ATTRIBUTES = ["ID", "href", "text", "number"]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
ENTITIES = st.lists(st.dictionaries(st.text(), JSON_VALUES, max_size=4), max_size=8)
# NUL is the one character that the csv module does not read.
CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=6)


class Lines:
    """Something like a response: it decodes JSON, and gives lines without their ends."""

    def __init__(self, text: str) -> None:
        self.text = text

    def json(self) -> Any:
        return json.loads(self.text)

    def iter_lines(self, *args: Any, **kwargs: Any) -> Iterator[str]:
        return iter(self.text.splitlines())


class Chunked(Response):
    """A response whose body comes in pieces of a few bytes, and is not kept."""

    def __init__(self, body: bytes, size: int, content_type: str = "text/csv") -> None:
        super().__init__()
        self.raw = io.BytesIO(body)
        self.size = size
        self.headers["Content-Type"] = content_type

    def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[bytes]:
        while chunk := self.raw.read(self.size):
            yield chunk


def saved(entities: Any, mimetype: str, **kwargs: Any) -> str:
    file_ = io.StringIO(newline="")
    save_entities(entities, file_, mimetype, **kwargs)
    return file_.getvalue()


def loaded(text: str, mimetype: str, size: int = 7, **kwargs: Any) -> list[Any]:
    return list(load_entities(Chunked(text.encode(), size), mimetype, **kwargs))


@settings(max_examples=40)
@given(ENTITIES, st.integers(1, 50), st.sampled_from(["application/json", "application/X-lines+json"]))
def test_json_comes_back_as_it_was_however_it_is_cut(entities: list[Any], size: int, mimetype: str) -> None:
    text = saved(entities, mimetype)

    assert loaded(text, mimetype, size) == entities


@settings(max_examples=40)
@given(ROWS, st.integers(1, 50))
def test_csv_comes_back_as_it_was_line_ends_in_fields_included(rows: list[tuple[str, ...]], size: int) -> None:
    entities = [dict(zip(ATTRIBUTES, row, strict=True)) for row in rows]
    text = saved(entities, "text/csv", attributes=ATTRIBUTES)

    assert list(ensure_dict(loaded(text, "text/csv", size))) == entities


@given(JSON_VALUES.filter(lambda value: not isinstance(value, list)), st.integers(1, 9))
def test_a_file_that_holds_one_value_and_no_array_gives_that_value(value: Any, size: int) -> None:
    assert loaded(json.dumps(value), "application/json", size) == [value]


@pytest.mark.parametrize("text", ["", "[", "[1", "[1,", "[1,]", "[1 2]", "[1] 2", "{", "[1]]", "nul", '["a', "[,1]"])
def test_broken_json_is_an_error_of_requests_and_of_the_standard_library(text: str) -> None:
    with pytest.raises(JSONDecodeError) as caught:
        loaded(text, "application/json", 3)

    assert isinstance(caught.value, ValueError)


def test_json_is_written_compact_with_a_newline() -> None:
    assert (
        saved([{"ID": "a", "n": [1, 2]}, {"ID": "é"}], "application/json")
        == '[{"ID":"a","n":[1,2]},{"ID":"\\u00e9"}]\n'
    )
    assert saved([], "application/json") == "[]\n"


def test_csv_is_quoted_in_full_with_crlf() -> None:
    kind = namedtuple("kind", ["ID", "text"])
    entity = kind("1", 'say "x"')

    assert saved([entity], "text/csv", attributes=["ID", "text"]) == '"ID","text"\r\n"1","say ""x"""\r\n'


def test_columns_of_csv_need_be_no_identifiers() -> None:
    entities = [{"class": "a", "my value": 1}, {"my value": 2, "class": "b"}]

    written = saved(entities, "text/csv", attributes=["my value", "class"])

    assert written == '"my value","class"\r\n"1","a"\r\n"2","b"\r\n'


@pytest.mark.parametrize("entity", [{"ID": "1"}, {"ID": "1", "x": 1, "y": 2}])
def test_an_entity_without_the_attributes_of_the_columns_is_refused(entity: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        saved([entity], "text/csv", attributes=["ID", "x"])


def test_csv_without_its_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="attributes"):
        saved([], "text/csv")


@pytest.mark.parametrize("mimetype", ["text/csv; charset=utf-8", "TEXT/CSV", "text/csv;header=present"])
def test_a_content_type_with_parameters_is_the_same_type(mimetype: str) -> None:
    assert [entity.ID for entity in loaded("ID,href\n1,\n", mimetype)] == ["1"]


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="image/png"):
        loaded("", "image/png")
    with pytest.raises(ValueError, match="image/png"):
        saved([], "image/png")


def test_what_only_has_json_and_iter_lines_is_read_too() -> None:
    rows = list(load_entities(Lines('ID,text\n1,"two\nlines"\n'), "text/csv"))
    items = list(load_entities(Lines('[{"ID":"1"}]'), "application/json"))
    lines = list(load_entities(Lines('{"ID":"1"}\n\n{"ID":"2"}'), "application/X-lines+json"))

    assert ([tuple(row) for row in rows], items, lines) == (
        [("1", "two\nlines")],
        [{"ID": "1"}],
        [{"ID": "1"}, {"ID": "2"}],
    )


def test_a_stored_response_is_read_twice() -> None:
    response = StoredResponse(io.BytesIO(b"ID\n1\n"))

    assert list(load_entities(response, "text/csv")) == list(load_entities(response, "text/csv")) == [("1",)]


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("\ufeffID\né\n".encode(), "text/csv", "é"),
        ("ID\né\n".encode("latin-1"), "text/csv", "é"),
        ("ID\né\n".encode("latin-1"), "text/csv; charset=iso-8859-1", "é"),
        ("ID\né\n".encode("utf-16"), "text/csv; charset=utf-16", "é"),
        ("ID\né\n".encode(), "text/csv; charset=klingon", "é"),
    ],
)
def test_text_is_read_in_the_charset_it_names_or_looks_like(body: bytes, content_type: str, text: str) -> None:
    (entity,) = load_entities(Chunked(body, 3, content_type), "text/csv")

    assert text == entity.ID


def test_an_empty_csv_file_holds_no_entities() -> None:
    assert loaded("", "text/csv") == []


def test_a_header_can_be_changed_and_rows_made_into_anything() -> None:
    upper = loaded("id,b\n1,2\n", "text/csv", process_csv_header=lambda names: [name.upper() for name in names])
    lists = loaded("id,b\n1,2\n", "text/csv", tuple_=list)

    assert (upper[0].ID, lists) == ("1", [["1", "2"]])


def test_an_entity_tuple_knows_names_that_are_no_identifiers() -> None:
    (entity,) = loaded("ID,my value,class,ID\n1,2,3,4\n", "text/csv")

    assert isinstance(entity, EntityTupleMixin)
    assert entity.get("my value") == entity.get(1) == "2"
    assert (entity.get("none"), entity.get("none", 7)) == (None, 7)
    assert list(entity.entity_attributes) == ["ID", "my value", "class", "ID"]


def test_values_of_csv_are_read_by_what_the_attributes_are_and_those_of_json_left_as_they_are() -> None:
    about = {
        "number": AttributeMetadata("number", "integer", "Number"),
        "several": AttributeMetadata("several", "float", "Several", multiple=True, ordered=True),
    }
    row = get_entity_tuple_class(("ID", "number", "several", "text"))._make(["a", "5", "1;2.5", "6"])
    plain_tuple = namedtuple("plain_tuple", ["ID", "number"])
    plain = plain_tuple("b", "")
    given = {"ID": "c", "number": "7", "several": "1;2"}

    read = list(ensure_dict([row, plain, given, row], about))

    assert read[0] == {"ID": "a", "number": 5, "several": [1.0, 2.5], "text": "6"} == read[3]
    assert read[1:3] == [{"ID": "b", "number": None}, given]
    assert next(ensure_dict([row], {}))["number"] == "5"


def test_entity_tuples_are_made_from_dicts_and_back() -> None:
    kind = get_entity_tuple_class(ATTRIBUTES, "Thing")
    entities = list(ensure_tuple([{"ID": "1", "text": "x"}], kind))

    assert get_entity_tuple_class(ATTRIBUTES, "Thing") is kind
    assert list(ensure_dict(entities)) == [{"ID": "1", "href": None, "text": "x", "number": None}]


def test_arrays_hold_the_numbers_of_an_entity_in_the_order_of_their_names() -> None:
    from_json = ensure_array([{"dim1": 2, "ID": "a", "dim0": "1.5", "href": ""}])
    from_csv = ensure_array(loaded("ID,href,z,a\n1,h,3,4\n", "text/csv"), strict=True)

    assert list(from_json) == [ArrayEntity("a", "", [1.5, 2.0])]
    assert list(from_csv) == [ArrayEntity("1", "h", [3.0, 4.0])]


def test_strict_arrays_all_have_the_attributes_of_the_first() -> None:
    with pytest.raises(ValueError, match="entity b"):
        list(ensure_array([{"ID": "a", "x": 1}, {"ID": "b", "y": 1}], strict=True))


def test_arrays_become_entities_whose_names_sort_as_their_values_do() -> None:
    (entity,) = array_to_entity([ArrayEntity("w", "", [float(n) for n in range(11)])], prefix="x_")

    names = entity.entity_attributes
    assert list(names[:4]) == ["ID", "href", "x_00", "x_01"]
    assert sorted(names[2:]) == list(names[2:])
    assert next(ensure_array([entity])).values == [float(n) for n in range(11)]


def test_an_array_keeps_numbers_as_they_are_and_reads_text_as_numbers() -> None:
    (entity,) = ensure_array([{"ID": "a", "x": 2, "y": 2.5, "z": "3"}])

    assert list(map(repr, entity.values)) == ["2", "2.5", "3.0"]


def test_attributes_sort_by_identity_links_and_names() -> None:
    names = sorted(["b", "target", "a", "href", "ID", "source"], key=entity_attribute_sort_key)

    assert names == ["ID", "href", "source", "target", "a", "b"]


@pytest.mark.parametrize("mimetype", ["text/csv", "application/json", "application/X-lines+json"])
def test_a_long_file_is_filtered_in_little_memory(mimetype: str) -> None:
    class Many(Response):
        """Eight megabytes that are nowhere."""

        def iter_content(self, chunk_size: int | None = 1, decode_unicode: bool = False) -> Iterator[bytes]:
            row = {"text/csv": b'"1","%s"\r\n', "application/json": b',{"ID":"1","t":"%s"}'}.get(
                mimetype, b'{"ID":"1","t":"%s"}\n'
            ) % (b"x" * 1_000)
            yield {"text/csv": b'"ID","t"\r\n', "application/json": b'[{"ID":"0","t":""}'}.get(mimetype, b"")
            for _ in range(80):
                yield row * 100
            yield b"]" if mimetype == "application/json" else b""

    class Sink(io.TextIOBase):
        size = 0

        def write(self, text: str) -> int:
            self.size += len(text)
            return len(text)

    sink = Sink()
    tracemalloc.start()

    entities = (entity for entity in ensure_dict(load_entities(Many(), mimetype)) if entity["ID"] == "1")
    save_entities(entities, sink, mimetype, attributes=["ID", "t"])  # type: ignore[arg-type]

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sink.size > 8_000_000
    assert peak < 2_000_000
