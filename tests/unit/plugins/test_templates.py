"""The pages of micro frontends, as published plugins extend, import and reach into them."""

import re
from collections.abc import Iterator
from enum import Enum
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import marshmallow as ma
import pytest
from flask import Flask, render_template, render_template_string
from marshmallow.validate import Length, Range
from qhana_plugin_runner.api import EnumField
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, PluginUrl
from qhana_plugin_runner.markdown import register_markdown_filter
from qhana_plugin_runner.util.jinja_helpers import (
    marshmallow_field_to_input_type,
    marshmallow_field_to_step_attr,
    register_helpers,
    space_delimited_list,
)

FORM = """{% import 'forms.html' as forms %}<div>{% call forms.render_form(method='post') %}
{{ forms.render_fields(schema, values=values, errors=errors) }}{{ forms.submit("go", action="/process/") }}
{{ forms.submit("check", target="microfrontend") }}{% endcall %}</div>"""


class Size(Enum):
    small = "Small"
    large = "Large"


class Form(FrontendFormBaseSchema):
    entity_url = FileUrl(
        required=True,
        data_input_type="entity/list",
        data_content_types=["application/json", "text/csv"],
        metadata={"label": "Entities", "description": "A *file*."},
    )
    metadata_url = FileUrl(
        data_input_type="entity/attribute-metadata",
        metadata={"related_to": "entity_url", "relation": "pre", "related_include_self": True},
    )
    helper_url = PluginUrl(plugin_tags=["a", "!b"], plugin_version="v1")
    how_many = ma.fields.Integer(validate=Range(1, 9))
    how_much = ma.fields.Float(metadata={"datalist": ["0.5", "1"]})
    token = ma.fields.String(metadata={"input_type": "password"}, validate=Length(max=64))
    size = EnumField(Size, metadata={"input_type": "select"})
    keep = ma.fields.Boolean(required=True)
    notes = ma.fields.String(metadata={"input_type": "textarea"})
    odd = ma.fields.Dict()


@pytest.fixture(autouse=True)
def _app() -> Iterator[None]:
    app = Flask("qhana_plugin_runner")
    register_helpers(app)
    register_markdown_filter(app)
    with app.test_request_context():
        yield


def form(values: dict[str, Any] | None = None, errors: dict[str, Any] | None = None) -> ET.Element:
    """The form as a tree; boolean attributes are written as XML wants them."""
    html = render_template_string(FORM, schema=Form(), values=values or {}, errors=errors or {})
    html = re.sub(r" (hidden|required|disabled|checked|selected)(?=[\s>])", r' \1=""', html)
    html = re.sub(r"<input ([^>]*)>", r"<input \1/>", html)
    return ET.fromstring(html)


def by_id(tree: ET.Element, id_: str) -> ET.Element:
    (found,) = [element for element in tree.iter() if element.get("id") == id_]
    return found


def buttons(tree: ET.Element, id_: str) -> list[ET.Element]:
    return [element for element in tree.iter("button") if element.get("data-input-id") == id_]


def test_an_input_has_its_snake_case_id_its_camel_case_name_and_its_label() -> None:
    tree = form({"howMany": 3})

    entry = by_id(tree, "how_many")
    assert (entry.get("name"), entry.get("type"), entry.get("value")) == ("howMany", "number", "3")
    assert [label.text for label in tree.iter("label") if label.get("for") == "entity_url"] == ["Entities"]
    assert {label.get("for") for label in tree.iter("label")} >= {"how_many", "size", "notes"}


def test_published_scripts_find_the_field_and_the_description_where_they_look() -> None:
    tree = form()
    parents = {child: parent for parent in tree.iter() for child in parent}

    wrapper = parents[by_id(tree, "how_many")]
    field = parents[wrapper]
    assert field.get("class") == "qhana-form-field"
    assert [child.get("class") for child in field] == [
        "qhana-form-label",
        "qhana-input-wrapper",
        "qhana-input-description",
    ]
    assert len(wrapper) == 1


def test_a_data_input_says_what_it_takes_and_offers_the_hosts_choice() -> None:
    tree = form({"entityUrl": "http://a.example/x?a=1&b=2"})

    entry = by_id(tree, "entity_url")
    choose, preview = buttons(tree, "entity_url")
    assert entry.get("data-input-type") == "data"
    assert entry.get("value") == "http://a.example/x?a=1&b=2"
    assert "required" in entry.attrib
    for element in (entry, choose):
        assert (element.get("data-input"), element.get("data-content-type")) == (
            "entity/list",
            "application/json text/csv",
        )
    assert ("hidden" in choose.attrib, "hidden" in preview.attrib) == (True, True)
    assert preview.get("class") == "qhana-show-preview-button"


def test_a_related_input_offers_what_is_related_to_another() -> None:
    _, related, _ = buttons(form(), "metadata_url")

    assert related.get("class") == "qhana-choose-file-button related"
    assert related.get("data-related-input-id") == "entity_url"
    assert (related.get("data-relation"), related.get("data-include-self")) == ("pre", "true")


def test_a_plugin_input_says_which_plugins_it_takes() -> None:
    (choose,) = buttons(form(), "helper_url")

    assert by_id(form(), "helper_url").get("data-input-type") == "plugin"
    assert (choose.get("data-plugin-tags"), choose.get("data-plugin-version")) == ("a !b", "v1")


def test_validators_become_attributes() -> None:
    tree = form()

    assert {key: by_id(tree, "how_many").get(key) for key in ("min", "max", "step")} == {
        "min": "1",
        "max": "9",
        "step": "1",
    }
    assert by_id(tree, "how_much").get("step") == "any"
    assert by_id(tree, "token").get("maxlength") == "64"


def test_a_datalist_of_values_stands_beside_its_input() -> None:
    tree = form()

    assert by_id(tree, "how_much").get("list") == "how_much-datalist"
    assert [option.get("value") for option in by_id(tree, "how_much-datalist")] == ["0.5", "1"]


def test_a_select_knows_what_was_chosen() -> None:
    options = list(by_id(form({"size": "large"}), "size").iter("option"))

    assert [(option.get("value"), option.text, "selected" in option.attrib) for option in options] == [
        ("small", "Small", False),
        ("large", "Large", True),
    ]


def test_a_required_checkbox_may_stay_unchecked() -> None:
    entry = by_id(form({"keep": True}), "keep")

    assert "checked" in entry.attrib
    assert "required" not in entry.attrib
    assert "checked" not in by_id(form({"keep": False}), "keep").attrib


def test_errors_stand_in_the_description_of_their_input() -> None:
    tree = form(errors={"howMany": ["Too <many>.", "Odd."]})

    assert by_id(tree, "how_many").get("aria-invalid") == "true"
    assert by_id(tree, "how_many").get("aria-describedby") == "how_many-description"
    assert [span.text for span in by_id(tree, "how_many-description").iter("span")] == ["Too <many>.", "Odd."]


def test_values_cannot_break_out_of_their_attributes() -> None:
    tree = form({"token": '"><script>alert(1)</script>', "notes": "</textarea><b>"})

    assert by_id(tree, "token").get("value") == '"><script>alert(1)</script>'
    assert (by_id(tree, "notes").text or "").strip() == "</textarea><b>"
    assert not list(tree.iter("script"))


def test_a_field_without_an_input_says_so() -> None:
    assert any(p.get("class") == "qhana-unsupported-form-field" for p in form().iter("p"))


def test_buttons_say_where_they_send_the_form() -> None:
    go, check = [button for button in form().iter("button") if button.get("type") == "submit"]

    assert (go.get("formaction"), go.get("data-target"), go.get("data-submit")) == ("/process/", "api", "submit")
    assert (check.get("data-target"), check.get("data-submit")) == ("microfrontend", "validate")


def test_prefixes_keep_two_forms_of_one_schema_apart() -> None:
    html = render_template_string(
        "{% import 'forms.html' as forms %}{{ forms.render_fields(schema, id_prefix='a__', name_prefix='a__') }}",
        schema=Form(only=["how_many"]),
    )

    assert 'id="a__how_many"' in html
    assert 'name="a__howMany"' in html


def test_a_page_may_say_more_of_a_field_than_its_schema() -> None:
    html = render_template(
        "simple_template.html",
        schema=Form(only=["how_much"]),
        values={},
        errors={},
        schema_extras={"how_much": {"datalist": ["7"], "label": "Amount"}},
    )

    assert '<option value="7">' in html
    assert ">Amount</label>" in html


def test_the_simple_page_has_help_a_form_and_the_script_with_the_hosts_origins() -> None:
    html = render_template(
        "simple_template.html",
        schema=Form(),
        values={},
        errors={},
        valid=True,
        process="/process/",
        done="/done/",
        help_text="Some **help**.",
        example_values="/ui/?x=1",
        plugin_host_origins=["https://studio.example", "http://127.0.0.1:8000"],
    )

    assert html.lstrip().startswith("<!doctype html>")
    assert "<strong>help</strong>" in html
    assert 'href="/ui/?x=1"' in html
    assert "All values are valid." in html
    assert 'src="/static/microfrontend.js" data-host-origins="https://studio.example http://127.0.0.1:8000"' in html
    assert html.count('type="submit"') == 3


def test_a_page_that_extends_the_simple_one_has_its_blocks_and_the_macros() -> None:
    html = render_template_string(
        "{% extends 'simple_template.html' %}{% block head %}{{ super() }}<style>b{}</style>{% endblock %}"
        "{% block content %}{{ forms.submit('mine') }}{% endblock %}{% block script %}{{ super() }}last{% endblock %}"
    )

    assert "<style>b{}</style>" in html
    assert ">mine</button>" in html
    assert html.index("microfrontend.js") < html.index("last")
    assert "<form" not in html


def test_help_alone_can_be_replaced() -> None:
    html = render_template_string(
        "{% extends 'simple_template.html' %}{% block help %}my help{% endblock %}", schema=SimpleNamespace(fields={})
    )

    assert "my help" in html
    assert "<form" in html


def test_the_other_published_template_names_are_there() -> None:
    html = render_template(
        "additional_info_template.html", schema=Form(), values={}, errors={}, additional_info="<x>", frontendjs="/x.js"
    )

    assert '<p id="additional_info" hidden>&lt;x&gt;</p>' in html
    assert '<script src="/x.js"></script>' in html
    assert render_template("common_template.html")


def test_formulas_bring_their_script_where_it_is_configured() -> None:
    assert "MathJax" not in render_template("simple_template.html", schema=SimpleNamespace(fields={}))


@pytest.mark.parametrize(
    ("field", "input_type", "step"),
    [
        (ma.fields.Email(), "email", None),
        (ma.fields.Url(), "url", None),
        (ma.fields.Boolean(), "checkbox", None),
        (ma.fields.Decimal(), "number", "any"),
        (ma.fields.Integer(metadata={"step": 0}), "number", "0"),
        (ma.fields.Date(), "date", None),
        (ma.fields.Time(), "time", None),
        (ma.fields.NaiveDateTime(), "datetime-local", None),
        (ma.fields.Raw(), "textarea", None),
        (ma.fields.String(), "text", None),
        (ma.fields.String(metadata={"input_type": "color"}), "color", None),
        (EnumField(Size), "select", None),
        (ma.fields.Dict(), None, None),
    ],
)
def test_a_field_has_the_input_of_its_kind(field: ma.fields.Field, input_type: str | None, step: str | None) -> None:
    assert (marshmallow_field_to_input_type(field), marshmallow_field_to_step_attr(field)) == (input_type, step)


def test_several_values_stand_in_one_attribute() -> None:
    assert [space_delimited_list(value) for value in (["a", 1], ("b",), "c d", 7, None)] == [
        "a 1",
        "b",
        "c d",
        "7",
        None,
    ]
