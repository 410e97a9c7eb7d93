"""Schemas, fields and blueprints speak to plugins as the contract says."""

from enum import Enum
from http import HTTPStatus
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask, abort
from flask.views import MethodView
from flask_smorest import Api
from qhana_plugin_runner.api import CSVList, EnumField, MaBaseSchema
from qhana_plugin_runner.api.jwt_helper import IDENTITY_EXTENSION, SECURITY_SCHEMES
from qhana_plugin_runner.api.plugin_schemas import (
    DataMetadata,
    EntryPoint,
    InputDataMetadata,
    OutputDataMetadata,
    PluginDependencyMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
    ProgressMetadata,
    ProgressMetadataSchema,
    StepMetadata,
    StepMetadataSchema,
    WebhookParamsSchema,
)
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, PluginUrl, SecurityBlueprint


class Colour(Enum):
    red = "#f00"
    green = "#0f0"


class Form(FrontendFormBaseSchema):
    file_url = FileUrl(required=True, data_input_type="entity/list", data_content_types=["text/csv"])
    extra_file = FileUrl(allow_none=True)
    helper = PluginUrl(allow_none=True, plugin_tags=["x", "!y"], plugin_name="n", plugin_version="v1")
    colour = EnumField(Colour, allow_none=True)
    steps = ma.fields.Integer(required=True)


GOOD = {"fileUrl": "data:text/csv,ID", "steps": "3"}


def test_keys_are_camel_case_outside_and_snake_case_inside() -> None:
    loaded = Form().load({**GOOD, "extraFile": "http://localhost:5005/x"})

    assert loaded == {"file_url": "data:text/csv,ID", "steps": 3, "extra_file": "http://localhost:5005/x"}
    assert Form().dump(loaded)["extraFile"] == "http://localhost:5005/x"


def test_a_data_key_of_its_own_is_written_in_camel_case_too() -> None:
    class Odd(MaBaseSchema):
        a = ma.fields.String(data_key="some_key")
        b = ma.fields.String(data_key="file-id")

    assert set(Odd().dump({"a": "1", "b": "2"})) == {"someKey", "file-id"}


def test_validation_can_be_the_result_instead_of_an_error() -> None:
    form = Form(partial=True, unknown=ma.EXCLUDE, validate_errors_as_result=True)

    assert form.load({**GOOD, "unheard": 1}) == {}
    assert form.load({"steps": "many"}) == {"steps": ["Not a valid integer."]}
    with pytest.raises(ma.ValidationError):
        Form().load({"steps": "1"})


def test_unknown_keys_are_named_where_they_are_not_excluded() -> None:
    assert Form(validate_errors_as_result=True).load({**GOOD, "x": 1}) == {"x": ["Unknown field."]}


def test_the_order_of_the_fields_is_that_of_the_class() -> None:
    assert list(Form().fields) == ["file_url", "extra_file", "helper", "colour", "steps"]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:5005/files/1/?file-id=x",
        "https://a.example/x",
        "http://host/x",
        "file:///tmp/x.csv",
        "file://localhost/tmp/x.csv",
        "data:,",
        "data:text/csv;charset=utf-8,a%0Ab",
        "data:application/X-lines+json;base64,e30=",
    ],
)
def test_a_file_url_may_be_of_the_web_a_file_or_data(url: str) -> None:
    assert Form().load({**GOOD, "extraFile": url})["extra_file"] == url


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "x", "file://evil.example/x", "file:x", "data:nothing", "http://"]
)
def test_what_is_no_file_url_is_a_validation_error(url: str) -> None:
    assert Form(validate_errors_as_result=True).load({**GOOD, "extraFile": url}) == {"extraFile": ["Not a valid URL."]}


def test_a_plugin_url_is_no_file() -> None:
    form = Form(validate_errors_as_result=True)

    assert form.load({**GOOD, "helper": "http://localhost:5005/plugins/x/"}) == {}
    assert form.load({**GOOD, "helper": "file:///x"}) == {"helper": ["Not a valid URL."]}


def test_an_empty_text_means_nothing() -> None:
    loaded = Form().load({**GOOD, "extraFile": "", "helper": "", "colour": ""})

    assert (loaded["extra_file"], loaded["helper"], loaded["colour"]) == (None, None, None)
    assert Form(validate_errors_as_result=True).load({**GOOD, "fileUrl": ""}) == {"fileUrl": ["Field may not be null."]}


def test_the_fields_say_what_they_take() -> None:
    fields = Form().fields

    assert fields["file_url"].metadata["data_input_type"] == "entity/list"
    assert fields["file_url"].metadata["data_content_types"] == ["text/csv"]
    assert [fields["helper"].metadata[f"plugin_{key}"] for key in ("tags", "name", "version")] == [
        ["x", "!y"],
        "n",
        "v1",
    ]


def test_an_enum_is_chosen_by_the_names_of_its_members() -> None:
    assert Form().load({**GOOD, "colour": "red"})["colour"] is Colour.red
    assert Form().dump({"colour": Colour.green}) == {"colour": "green"}


@pytest.mark.parametrize("value", ["blue", "#f00", 7, ["red"], {"red": 1}, True])
def test_what_is_no_member_is_a_validation_error(value: Any) -> None:
    assert Form(validate_errors_as_result=True).load({**GOOD, "colour": value}) == {"colour": ["Not a valid choice."]}


def test_an_enum_may_be_chosen_by_value_too() -> None:
    field = EnumField(Colour, use_value=True)

    assert field.deserialize("#f00") is field.deserialize("red") is Colour.red
    with pytest.raises(ma.ValidationError):
        field.deserialize("")


def test_an_enum_always_lists_its_options_nothing_first() -> None:
    labelled = EnumField(Colour, metadata={"options": {Colour.green: "Green", "": "None"}})

    assert EnumField(Colour).metadata["options"] == {"red": "#f00", "green": "#0f0"}
    assert list(labelled.metadata["options"].items()) == [("", "None"), ("red", "#f00"), ("green", "Green")]
    assert labelled.deserialize("") is None


def test_an_option_that_is_no_member_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="blue"):
        EnumField(Colour, metadata={"options": {"blue": "Blue"}})


def test_a_list_is_written_with_commas() -> None:
    field = CSVList(ma.fields.Integer())

    assert field.deserialize("1, 2,3") == [1, 2, 3]
    assert field.deserialize("") == []
    assert field._serialize([1, 2], "x", None) == "1,2"
    for wrong in ("1,x", 7):
        with pytest.raises(ma.ValidationError):
            field.deserialize(wrong)


def test_a_plugins_metadata_is_written_as_the_contract_shows_it() -> None:
    metadata = PluginMetadata(
        title="T",
        description="D",
        name="plugin-name",
        version="0.0.1",
        type=PluginType.processing,
        entry_point=EntryPoint(
            href="./process/",
            ui_href="./ui/",
            plugin_dependencies=[
                PluginDependencyMetadata("h", type=PluginType.processing, tags=["a", "!b"], required=True),
                PluginDependencyMetadata("e", name="my-helper-plugin", version=">=v0.1.0 <=v0.5.0"),
            ],
            data_input=[InputDataMetadata("entity/list", ["application/json"], True, "data")],
            data_output=[DataMetadata("x", ["*"], True), OutputDataMetadata("y", ["*"], False, "n")],
        ),
        tags=["t"],
        links=[{"type": "of-evaluate", "href": "./evaluate/"}],
    )

    assert PluginMetadataSchema().dump(metadata) == {
        "title": "T",
        "description": "D",
        "name": "plugin-name",
        "version": "0.0.1",
        "type": "processing",
        "tags": ["t"],
        "links": [{"type": "of-evaluate", "href": "./evaluate/"}],
        "entryPoint": {
            "href": "./process/",
            "uiHref": "./ui/",
            "pluginDependencies": [
                {"parameter": "h", "type": "processing", "tags": ["a", "!b"], "required": True},
                {"parameter": "e", "name": "my-helper-plugin", "version": ">=v0.1.0 <=v0.5.0", "required": False},
            ],
            "dataInput": [
                {"dataType": "entity/list", "contentType": ["application/json"], "required": True, "parameter": "data"}
            ],
            "dataOutput": [
                {"dataType": "x", "contentType": ["*"], "required": True},
                {"dataType": "y", "contentType": ["*"], "required": False, "name": "n"},
            ],
        },
    }


def test_a_type_that_nobody_knows_is_kept() -> None:
    entry = EntryPoint("./p/", "./u/")
    written = PluginMetadataSchema().dump(PluginMetadata("t", "d", "n", "1", "data-processor", entry))

    assert written["type"] == "data-processor"
    assert PluginMetadataSchema().load(written)["type"] == "data-processor"
    assert PluginMetadataSchema().load({**written, "type": "dataloader"})["type"] is PluginType.dataloader
    with pytest.raises(ma.ValidationError):
        PluginMetadataSchema().load({**written, "type": ""})


def test_progress_and_steps_are_written_as_they_are() -> None:
    assert ProgressMetadataSchema().dump(ProgressMetadata(70)) == {"value": 70, "start": 0, "target": 100, "unit": "%"}
    assert StepMetadataSchema().dump(StepMetadata("h", "u", "s1")) == {
        "href": "h", "uiHref": "u", "stepId": "s1", "cleared": False,
    }  # fmt: skip
    for value in (float("nan"), float("inf"), True, "1"):
        with pytest.raises(ma.ValidationError):
            ProgressMetadataSchema().load({"value": value})


def test_a_webhook_may_be_told_less_than_all() -> None:
    assert WebhookParamsSchema(partial=True).load({"event": "status"}) == {"event": "status"}


@pytest.fixture
def app() -> Flask:
    """With a blueprint of a plugin."""
    made = Flask("host")
    made.config.update(API_TITLE="host", API_VERSION="v1", OPENAPI_VERSION="3.0.2")
    api = Api(made)
    for name, scheme in SECURITY_SCHEMES.items():
        api.spec.components.security_scheme(name, scheme)
    blueprint = SecurityBlueprint("plugin", __name__, description="A plugin.")

    @blueprint.route("/")
    class View(MethodView):
        @blueprint.response(HTTPStatus.OK, WebhookParamsSchema())
        @blueprint.require_jwt("jwt", optional=True)
        def get(self) -> dict[str, str]:
            return {"source": "me"}

    @blueprint.route("/ui/")
    class Page(MethodView):
        @blueprint.html_response(HTTPStatus.OK, description="The form.")
        @blueprint.arguments(Form(partial=True, validate_errors_as_result=True), location="query", required=False)
        @blueprint.require_jwt("jwt", fresh=True)
        def get(self, errors: dict[str, Any]) -> str:
            return f"<p>{errors}</p>"

    api.register_blueprint(blueprint)
    made.extensions["smorest"] = api
    return made


def test_a_host_without_identity_lets_everybody_in(app: Flask) -> None:
    client = app.test_client()

    assert client.get("/").json == {"source": "me"}
    assert client.get("/ui/?steps=x").text == "<p>{'steps': ['Not a valid integer.']}</p>"


def test_a_host_with_identity_is_asked_before_each_view(app: Flask) -> None:
    asked: list[dict[str, bool]] = []

    def check(**how: bool) -> None:
        asked.append(how)
        if not how["optional"]:
            abort(401)

    app.extensions[IDENTITY_EXTENSION] = check

    codes = [app.test_client().get(path).status_code for path in ("/", "/ui/")]

    assert codes == [200, 401]
    assert asked == [
        {"optional": True, "fresh": False, "refresh": False},
        {"optional": False, "fresh": True, "refresh": False},
    ]


def test_pages_and_security_are_in_the_description(app: Flask) -> None:
    paths = app.extensions["smorest"].spec.to_dict()["paths"]

    assert paths["/"]["get"]["security"] == [{}, {"jwt": []}]
    assert paths["/ui/"]["get"]["security"] == [{"jwt": []}]
    assert paths["/ui/"]["get"]["responses"]["200"] == {
        "description": "The form.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
