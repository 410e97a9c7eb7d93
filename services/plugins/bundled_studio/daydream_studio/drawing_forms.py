"""What the plugins of this package have alike: the parameters of a picture, and the views round their forms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import marshmallow as ma
from daydream.tasks.v1 import tasks_pb2
from flask import redirect, render_template, request, url_for
from flask.views import MethodView
from marshmallow.validate import Length, Range
from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    OutputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.util.plugins import QHAnaPluginBase
from werkzeug.wrappers import Response

from services.plugins.generation import Picture, capabilities

from . import limits

PICTURE: Final = OutputDataMetadata(data_type="image/generated", content_type=["image/png"], required=True)
MOST_SEED: Final = 2**53 - 1
MOST_COUNT: Final = 2**31 - 1
"""What a message to the studio holds; what a model can do is less, and the studio's to say."""
_COUNT: Final = Range(min=1, max=MOST_COUNT)
_OWN: Final = "Left empty, it is the model's own."
_DEFAULTS: Final = ("steps", "guidance", "width", "height")


class PictureSchema(FrontendFormBaseSchema):
    """The parameters of the studio's panel. What is left empty takes the model's default."""

    prompt = ma.fields.String(
        required=True,
        validate=Length(min=1, max=512),
        metadata={"label": "Prompt", "description": "What to draw.", "input_type": "textarea"},
    )
    negative_prompt = ma.fields.String(
        load_default="",
        validate=Length(max=512),
        metadata={"label": "Negative prompt", "description": "What to keep out.", "input_type": "textarea"},
    )
    model = ma.fields.String(load_default="", validate=Length(max=128), metadata={"label": "Model"})
    sampler = ma.fields.String(load_default="", validate=Length(max=128), metadata={"label": "Sampler"})
    steps = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=_COUNT,
        metadata={"label": "Steps", "description": f"More take longer and cost more. {_OWN}"},
    )
    guidance = ma.fields.Float(
        load_default=None,
        allow_none=True,
        allow_nan=False,
        validate=Range(min=0, max=1000),
        metadata={"label": "Guidance", "description": f"How closely the prompt is followed. {_OWN}"},
    )
    width = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=_COUNT,
        metadata={"label": "Width", "description": f"In pixels. {_OWN}"},
    )
    height = ma.fields.Integer(
        load_default=None,
        allow_none=True,
        validate=_COUNT,
        metadata={"label": "Height", "description": f"In pixels. {_OWN}"},
    )
    seed = ma.fields.Integer(
        load_default=-1,
        validate=Range(min=-1, max=MOST_SEED),
        metadata={"label": "Seed", "description": "The same seed draws the same picture; −1 draws one."},
    )
    samples = ma.fields.Integer(
        load_default=1,
        validate=Range(min=1, max=10),
        metadata={"label": "Images", "description": "How many, each with the next seed."},
    )

    @ma.pre_load
    def _leave_out_what_is_empty(self, data: Any, **_: Any) -> dict[str, Any]:
        # A form sends an empty text for a number that nobody has typed.
        return {name: data[name] for name in data if data[name] != ""}

    @ma.validates_schema(skip_on_field_errors=False)
    def _within_what_the_model_can_do(self, data: Mapping[str, Any], **_: Any) -> None:
        if wrong := limits.beyond(capabilities(), data):
            raise ma.ValidationError(wrong)


@dataclass(frozen=True, kw_only=True)
class About:
    """What sets one plugin apart."""

    plugin: type[QHAnaPluginBase]
    title: str
    form: type[PictureSchema]
    start: Callable[[Mapping[str, Any]], ProcessingTask]
    """Begins with values that the form let through; the task it makes is saved."""
    inputs: Sequence[InputDataMetadata] = ()
    outputs: Sequence[OutputDataMetadata] = (PICTURE,)
    help_text: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)
    """Values that the form can be filled with, by their names on the wire."""


def blueprint(about: About) -> SecurityBlueprint:
    """`/`, `/ui/` and `/process/` of a plugin."""
    plugin, form = about.plugin.instance, about.form
    made = SecurityBlueprint(
        plugin.identifier, about.plugin.__module__, description=plugin.description, template_folder="templates"
    )

    @made.route("/")
    class MetadataView(MethodView):
        """What the plugin says of itself."""

        @made.response(HTTPStatus.OK, PluginMetadataSchema)
        @made.require_jwt("jwt", optional=True)
        def get(self) -> PluginMetadata:
            """Its metadata."""
            return _metadata(about)

    @made.route("/ui/")
    class MicroFrontend(MethodView):
        """The form."""

        @made.html_response(HTTPStatus.OK, description="The form, with values from the query filled in.")
        @made.arguments(form(partial=True, unknown=ma.EXCLUDE, validate_errors_as_result=True), location="query")
        @made.require_jwt("jwt", optional=True)
        def get(self, errors: Mapping[str, Any]) -> str:
            """Show it."""
            return _page(about, request.args.to_dict(), errors, valid=False)

        @made.html_response(HTTPStatus.OK, description="The form, with what is wrong with it.")
        @made.arguments(form(unknown=ma.EXCLUDE, validate_errors_as_result=True), location="form")
        @made.require_jwt("jwt", optional=True)
        def post(self, errors: Mapping[str, Any]) -> str:
            """Check it."""
            return _page(about, request.form.to_dict(), errors, valid=not errors)

    @made.route("/process/")
    class ProcessView(MethodView):
        """Where the form goes."""

        @made.arguments(form(unknown=ma.EXCLUDE), location="form")
        @made.response(HTTPStatus.SEE_OTHER)
        @made.require_jwt("jwt")
        def post(self, arguments: Mapping[str, Any]) -> Response:
            """Begin, and lead to the task."""
            return lead_to(about.start(arguments))

    return made


def lead_to(task: ProcessingTask) -> Response:
    """To the task's address."""
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), HTTPStatus.SEE_OTHER)


def picture(wanted: Mapping[str, Any], **instead: Any) -> Picture:
    """A picture by a form's values, with some of them replaced."""
    fields = Picture.__dataclass_fields__
    return Picture(**{**{name: value for name, value in wanted.items() if name in fields}, **instead})


def _metadata(about: About) -> PluginMetadata:
    plugin = about.plugin.instance
    return PluginMetadata(
        title=about.title,
        description=plugin.description,
        name=plugin.name,
        version=plugin.version,
        type=PluginType.processing,
        tags=plugin.tags,
        entry_point=EntryPoint(
            href=url_for(f"{plugin.identifier}.ProcessView"),
            ui_href=url_for(f"{plugin.identifier}.MicroFrontend"),
            data_input=list(about.inputs),
            data_output=list(about.outputs),
        ),
    )


def _page(about: About, values: Mapping[str, Any], errors: Mapping[str, Any], *, valid: bool) -> str:
    identifier = about.plugin.instance.identifier
    form, known = about.form(), capabilities()
    # A form that is opened shows what holds where nothing is said.
    fields = form.fields.items() if request.method == "GET" else ()
    usual = {name: field.load_default for name, field in fields if field.load_default not in (ma.missing, None)}
    # With several models to choose from, what one of them has is not what holds.
    if fields and known is not None and len(known.models) == 1:
        defaults = known.models[0].defaults
        usual |= {name: round(getattr(defaults, name), 3) for name in _DEFAULTS}
    return render_template(
        "simple_template.html",
        name=about.title,
        schema=form,
        values={**form.dump(usual), **values},
        errors=errors,
        valid=valid,
        process=url_for(f"{identifier}.ProcessView"),
        help_text=about.help_text,
        example_values=url_for(f"{identifier}.MicroFrontend", **about.example) if about.example else None,
        schema_extras=_choices(known),
    )


def _choices(known: tasks_pb2.GetCapabilitiesResponse | None) -> dict[str, Any]:
    """Models and samplers as lists to choose from, where the studio says which there are; else names are typed."""
    if known is None or not known.models:
        return {}
    first = known.models[0]
    models = {each.name: each.title or each.name for each in known.models}
    samplers = dict.fromkeys(sampler.name for each in known.models for sampler in each.samplers)
    return {
        "model": {"input_type": "select", "options": {"": f"{first.title or first.name} (the studio's)", **models}},
        "sampler": {"input_type": "select", "options": {"": "The model's own", **{name: name for name in samplers}}},
    }
