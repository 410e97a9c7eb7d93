"""Draws every prompt that a text with alternatives stands for, once its owner has looked them through."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

import marshmallow as ma
from flask import abort, render_template, request, url_for
from flask.views import MethodView
from marshmallow.validate import Length
from qhana_plugin_runner.api.plugin_schemas import OutputDataMetadata
from qhana_plugin_runner.api.refusals import refuse
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.util.plugins import QHAnaPluginBase
from werkzeug.wrappers import Response

from services.plugins.generation import capabilities, draw, require_painter

from . import alternatives, drawing_forms, estimates
from .alternatives import MOST_CHARACTERS, MOST_PROMPTS
from .drawing_forms import About, PictureSchema

STEP: Final = "edit"
MOST_TEXT: Final = 4000


class PromptMatrix(QHAnaPluginBase):
    """The plugin."""

    name = "prompt-matrix"
    version = "v1.0.0"
    description = "Draws every prompt that a text with {alternatives|choices} stands for."
    tags: ClassVar[list[str]] = ["image", "generation", "multi-step"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


def _must_be_writable(text: str) -> None:
    try:
        alternatives.prompts(text)
    except alternatives.NotWritable as error:
        raise ma.ValidationError(str(error)) from error


class MatrixSchema(PictureSchema):
    """A picture's parameters, with alternatives in the prompt."""

    prompt = ma.fields.String(
        required=True, validate=[Length(min=1, max=MOST_TEXT), _must_be_writable],
        metadata={
            "label": "Prompt",
            "description": f"`{{red|white}}` stands for either; {MOST_PROMPTS} prompts are the most.",
            "input_type": "textarea",
        },
    )  # fmt: skip


def start(wanted: Mapping[str, Any]) -> ProcessingTask:
    """Write the prompts out, and ask which of them to draw."""
    require_painter()
    task = ProcessingTask(task_name=f"{IDENTIFIER}.draw", parameters=json.dumps(wanted))
    task.data = {"prompts": alternatives.prompts(wanted["prompt"])}
    task.save()
    task.add_next_step(
        href=url_for(f"{IDENTIFIER}.StepView", public_id=task.public_id, _external=True),
        ui_href=url_for(f"{IDENTIFIER}.StepFrontend", public_id=task.public_id, _external=True),
        step_id=STEP,
    )
    task.save(commit=True)
    return task


IDENTIFIER = PromptMatrix.instance.identifier
BLP = drawing_forms.blueprint(
    About(
        plugin=PromptMatrix,
        title="Prompt matrix",
        form=MatrixSchema,
        start=start,
        outputs=[
            drawing_forms.PICTURE,
            OutputDataMetadata(
                data_type="entity/list", content_type=["application/json"], required=True, name="prompts.json"
            ),
        ],
        help_text=(
            "Alternatives stand in braces, with bars between; they may stand in each other, and be empty. `\\{`, `\\|` "
            "and `\\}` are the characters themselves. You see all prompts, and the price, before anything is drawn. "
            "Beside the pictures comes a file of entities: prompt, seed and file of each."
        ),
        example={"prompt": "A {red|white} boat on a calm sea at {sunset|night}"},
    )
)


@BLP.route("/steps/<string:public_id>/ui/")
class StepFrontend(MethodView):
    """The list of prompts."""

    @BLP.html_response(HTTPStatus.OK, description="The list, to be edited.")
    @BLP.require_jwt("jwt")
    def get(self, public_id: str) -> str:
        """Show it, with number and price in its button."""
        task = _task(public_id)
        wanted, data = json.loads(task.parameters), _data(task)
        model = estimates.model_of(capabilities(), wanted["model"])
        return render_template(
            "daydream_studio/prompts.html",
            name="Edit the list",
            text=wanted["prompt"],
            prompts=data["prompts"],
            each=None if model is None else estimates.estimate(model, wanted),
            samples=wanted["samples"],
            most=MOST_PROMPTS,
            most_characters=MOST_CHARACTERS,
            action=url_for(f"{IDENTIFIER}.StepView", public_id=public_id),
            closed=task.is_finished or not task.has_uncleared_step,
        )


@BLP.route("/steps/<string:public_id>/")
class StepView(MethodView):
    """Where the list goes: `prompt-<n>` for every line, `use` once for the n of each that is to be drawn."""

    @BLP.response(HTTPStatus.SEE_OTHER)
    @BLP.require_jwt("jwt")
    def post(self, public_id: str) -> Response:
        """Have those drawn that are chosen; one that was sent twice leads to what the first began."""
        task = _task(public_id)
        if task.has_uncleared_step and not task.is_finished:
            chosen = _chosen(request.form.getlist("use"), request.form)
            wanted = json.loads(task.parameters)
            draw(task, [drawing_forms.picture(wanted, prompt=each) for each in chosen], listed=True)
        return drawing_forms.lead_to(task)


def _task(public_id: str) -> ProcessingTask:
    task = ProcessingTask.get_by_public_id(public_id)
    if task is None or task.task_name != f"{IDENTIFIER}.draw":
        abort(HTTPStatus.NOT_FOUND)
    return task


def _data(task: ProcessingTask) -> Mapping[str, Any]:
    data: Any = task.data
    kept: Mapping[str, Any] = data
    return kept


def _chosen(numbers: list[str], form: Mapping[str, str]) -> list[str]:
    """The prompts to draw. Ends the request with 422 where there are none, too many, or one is not a prompt."""
    wrong: dict[str, list[str]] = {}
    chosen = []
    for number in numbers:
        text = " ".join(form.get(f"prompt-{number}", "").split())
        if not text:
            wrong[f"prompt-{number}"] = ["This prompt is empty."]
        elif len(text) > MOST_CHARACTERS:
            wrong[f"prompt-{number}"] = [f"A prompt has {MOST_CHARACTERS} characters at most, and this {len(text)}."]
        chosen.append(text)
    if not chosen:
        wrong["use"] = ["Choose one prompt at least."]
    if len(chosen) > MOST_PROMPTS:
        wrong = {"use": [f"{len(chosen)} prompts are chosen; {MOST_PROMPTS} are the most."]}
    if wrong:
        refuse(HTTPStatus.UNPROCESSABLE_ENTITY, errors={"form": wrong})
    return chosen
