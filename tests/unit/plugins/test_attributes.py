"""Values become text and values again, as the descriptions of their attributes say."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qhana_plugin_runner.plugin_utils.attributes import (
    DESERIALIZER_MAP,
    NUMERIC_TYPES,
    SERIALIZER_MAP,
    AttributeMetadata,
    dict_deserializer,
    dict_serializer,
    parse_attribute_metadata,
    parse_bool,
    tuple_deserializer,
    tuple_serializer,
)

ITEM = st.text(st.characters(exclude_characters=";"), min_size=1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "ID": st.text(),
    "whole": st.integers() | st.none(),
    "real": st.floats(allow_nan=False) | st.none(),
    "yes": st.booleans(),
    "words": st.lists(ITEM),
    "numbers": st.sets(st.integers()),
    "other": st.text(),
}
METADATA = parse_attribute_metadata(
    [
        {"ID": "ID", "type": "string", "title": "Id"},
        {"ID": "whole", "type": "integer"},
        {"ID": "real", "type": "double"},
        {"ID": "yes", "type": "boolean"},
        {"ID": "words", "type": "string", "multiple": "yes", "ordered": "true", "separator": ";"},
        {"ID": "numbers", "type": "int", "multiple": True, "ordered": False, "separator": ";"},
    ]
)
ENTITY = st.fixed_dictionaries(VALUES)


@settings(max_examples=60)
@given(ENTITY)
def test_a_dict_comes_back_from_text_as_it_was(entity: dict[str, Any]) -> None:
    text = dict_serializer(VALUES, METADATA, in_place=False)(entity)

    assert all(isinstance(value, str) for value in text.values())
    assert dict_deserializer(VALUES, METADATA, in_place=False)(text) == entity


@settings(max_examples=60)
@given(ENTITY)
def test_a_tuple_comes_back_from_text_as_it_was(entity: dict[str, Any]) -> None:
    values = tuple(entity[name] for name in VALUES)
    text = tuple_serializer(list(VALUES), METADATA)(values)

    assert all(isinstance(value, str) for value in text)
    assert tuple_deserializer(list(VALUES), METADATA, tuple_=tuple)(text) == values


def test_in_place_the_same_dict_is_filled() -> None:
    entity: dict[str, Any] = {"whole": 1}

    text = dict_serializer(["whole"], METADATA)(entity)
    back = dict_deserializer(["whole"], METADATA)(text)

    assert text is back is entity
    assert entity == {"whole": 1}


def test_an_attribute_that_nobody_described_stays_as_it_is() -> None:
    assert dict_deserializer([], {}, in_place=False)({"x": "1"}) == {"x": "1"}


def test_several_values_from_json_are_read_one_by_one() -> None:
    assert dict_deserializer(["numbers"], METADATA)({"numbers": ["1", 2]}) == {"numbers": {1, 2}}


@pytest.mark.parametrize("separator", [{}, {"separator": None}, {"separator": ""}])
def test_several_values_need_a_separator_that_the_file_names(separator: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'x'"):
        AttributeMetadata.from_dict({"ID": "x", "type": "string", "multiple": "yes", **separator})


def test_a_description_keeps_what_it_does_not_know() -> None:
    entity = {"ID": "x", "type": "ref", "refTarget": "y.csv", "multiple": "no", "unit": "cm"}

    about = AttributeMetadata.from_dict(entity)

    assert (about.title, about.separator, about.ref_target, about.extra) == ("x", ";", "y.csv", {"unit": "cm"})
    assert about.to_dict() == {
        "ID": "x",
        "type": "ref",
        "title": "x",
        "description": "",
        "multiple": False,
        "ordered": False,
        "separator": ";",
        "refTarget": "y.csv",
        "schema": None,
        "unit": "cm",
    }


@pytest.mark.parametrize(("text", "value"), [(" YES ", True), ("1", True), (True, True), ("off", False)])
def test_yes_and_no_are_read_as_people_write_them(text: str | bool, value: bool) -> None:
    assert parse_bool(text) is value


def test_what_is_neither_yes_nor_no_is_refused() -> None:
    with pytest.raises(ValueError, match="'perhaps'"):
        parse_bool("perhaps")


def test_a_plugin_can_add_types_of_its_own() -> None:
    SERIALIZER_MAP["hex"], DESERIALIZER_MAP["hex"] = hex, lambda text: int(text, 16)
    about = parse_attribute_metadata([{"ID": "x", "type": "hex"}])

    text = dict_serializer(["x"], about, in_place=False)({"x": 255})
    back = dict_deserializer(["x"], about, in_place=False)(text)

    del SERIALIZER_MAP["hex"], DESERIALIZER_MAP["hex"]
    assert (text, back) == ({"x": "0xff"}, {"x": 255})


def test_the_types_of_numbers_are_those_whose_text_is_read_as_a_number() -> None:
    numbers = {kind for kind, read in DESERIALIZER_MAP.items() if isinstance(read("1"), int | float)}

    assert numbers - {"bool", "boolean"} == NUMERIC_TYPES
