"""What a plugin says of itself, and what tasks and webhooks say on the wire."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypedDict

import marshmallow as ma

from .extra_fields import EnumField
from .util import MaBaseSchema

__all__ = [
    "ApiLink",
    "DataMetadata",
    "DataMetadataSchema",
    "EntryPoint",
    "EntryPointSchema",
    "EnumField",
    "InputDataMetadata",
    "InputDataMetadataSchema",
    "LinkMetadata",
    "LinkMetadataSchema",
    "MaBaseSchema",
    "OutputDataMetadata",
    "OutputDataMetadataSchema",
    "PluginDependencyMetadata",
    "PluginDependencyMetadataSchema",
    "PluginMetadata",
    "PluginMetadataSchema",
    "PluginType",
    "ProgressMetadata",
    "ProgressMetadataSchema",
    "StepMetadata",
    "StepMetadataSchema",
    "WebhookParams",
    "WebhookParamsSchema",
]


class PluginType(Enum):
    """What a plugin is for; `simple` and `complex` are what processing plugins were called once."""

    simple = "simple"
    complex = "complex"
    processing = "processing"
    visualization = "visualization"
    conversion = "conversion"
    dataloader = "dataloader"
    interaction = "interaction"


@dataclass
class DataMetadata:
    """A file that goes in or comes out."""

    data_type: str
    content_type: list[str]
    required: bool


@dataclass
class InputDataMetadata(DataMetadata):
    """A file that goes in, and the parameter that takes its URL."""

    parameter: str


@dataclass
class OutputDataMetadata(DataMetadata):
    """A file that comes out, and what it is called."""

    name: str | None = None


@dataclass
class PluginDependencyMetadata:
    """Another plugin that is wanted, and the parameter that takes its URL."""

    parameter: str
    name: str | None = None
    version: str | None = None
    tags: list[str] | None = None
    type: PluginType | str | None = None
    required: bool = False


@dataclass
class EntryPoint:
    """Where a plugin takes its parameters (`href`), shows its form (`ui_href`), and what it works on."""

    href: str
    ui_href: str
    data_input: list[InputDataMetadata] = field(default_factory=list)
    data_output: list[OutputDataMetadata | DataMetadata] = field(default_factory=list)
    plugin_dependencies: list[PluginDependencyMetadata] = field(default_factory=list)


@dataclass
class LinkMetadata:
    """A further resource of a plugin, by what it is for."""

    type: str
    href: str


ApiLink = LinkMetadata
"""The name that plugins know it by."""


@dataclass
class PluginMetadata:
    """A plugin. A type that this host does not know is kept as it is written."""

    title: str
    description: str
    name: str
    version: str
    type: PluginType | str
    entry_point: EntryPoint
    tags: list[str] = field(default_factory=list)
    links: list[LinkMetadata | dict[str, str]] = field(default_factory=list)


@dataclass
class ProgressMetadata:
    """How far a task is."""

    value: float
    start: float = 0
    target: float = 100
    unit: str = "%"


@dataclass
class StepMetadata:
    """A step of a task, by the names it has on the wire."""

    href: str
    uiHref: str
    stepId: str
    cleared: bool = False


class WebhookParams(TypedDict, total=False):
    """What a webhook is told: the task's URL and what happened (`status`, `steps`, `details`)."""

    source: str
    event: str


class PluginTypeField(EnumField):
    """A plugin's type; an unknown one is kept."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(PluginType, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, str) and value and value not in PluginType.__members__:
            return value
        return super()._deserialize(value, attr, data, **kwargs)


class NumberField(ma.fields.Field):
    """A number as it is, whole or not; neither NaN nor infinite."""

    default_error_messages = {"invalid": "Not a valid number."}  # noqa: RUF012  (as marshmallow declares it)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.make_error("invalid", input=value)
        return value


def _text(about: str, *, required: bool = True, allow_none: bool = False) -> ma.fields.String:
    return ma.fields.String(required=required, allow_none=allow_none, metadata={"description": about})


class DataMetadataSchema(MaBaseSchema):
    """On the wire: `dataType, contentType, required`."""

    data_type = _text("What the data is, such as entity/list.")
    content_type = ma.fields.List(
        ma.fields.String(), required=True, metadata={"description": "How it may be encoded, such as application/json."}
    )
    required = ma.fields.Boolean(required=True, metadata={"description": "Whether it is always there."})


class InputDataMetadataSchema(DataMetadataSchema):
    """With `parameter`."""

    parameter = _text("The parameter that takes its URL.", required=False)


class OutputDataMetadataSchema(DataMetadataSchema):
    """With `name`."""

    name = _text("What the output is called.", required=False, allow_none=True)


class PluginDependencyMetadataSchema(MaBaseSchema):
    """On the wire: `parameter, type, tags, name, version, required`, without what is not asked for."""

    parameter = _text("The parameter that takes the plugin's URL.")
    type = PluginTypeField(allow_none=True, metadata={"description": "The plugin's type."})
    tags = ma.fields.List(
        ma.fields.String(),
        allow_none=True,
        metadata={"description": "Tags that the plugin has; with a ! before it, one that it has not."},
    )
    name = _text("The plugin's name.", required=False, allow_none=True)
    version = _text("A version or a range, such as >=v0.1.0 <=v0.5.0.", required=False, allow_none=True)
    required = ma.fields.Boolean(
        load_default=False, metadata={"description": "Whether the plugin cannot work without it."}
    )

    @ma.post_dump
    def _without_what_is_not_asked_for(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {key: value for key, value in data.items() if value is not None}


class EntryPointSchema(MaBaseSchema):
    """On the wire: `href, uiHref, pluginDependencies, dataInput, dataOutput`; URLs may be relative."""

    href = _text("The URL that takes the parameters.")
    ui_href = _text("The URL of the micro frontend.")
    plugin_dependencies = ma.fields.List(ma.fields.Nested(PluginDependencyMetadataSchema))
    data_input = ma.fields.List(ma.fields.Nested(InputDataMetadataSchema))
    data_output = ma.fields.List(ma.fields.Nested(OutputDataMetadataSchema))


class LinkMetadataSchema(MaBaseSchema):
    """On the wire: `type, href`."""

    type = _text("What the resource is for.")
    href = _text("Its URL.")


class PluginMetadataSchema(MaBaseSchema):
    """On the wire: `title, description, name, version, type, tags, links, entryPoint`."""

    title = _text("The plugin's name for people.")
    description = _text("What it does.")
    name = _text("Its stable name.")
    version = _text("Its version.")
    type = PluginTypeField(required=True, metadata={"description": "What it is for."})
    entry_point = ma.fields.Nested(EntryPointSchema, required=True)
    tags = ma.fields.List(ma.fields.String(), required=True, metadata={"description": "Words that describe it."})
    links = ma.fields.List(ma.fields.Nested(LinkMetadataSchema))


class ProgressMetadataSchema(MaBaseSchema):
    """On the wire: `value, start, target, unit`."""

    value = NumberField(required=True, metadata={"description": "Between start and target."})
    start = NumberField(metadata={"description": "Where nothing was done."})
    target = NumberField(metadata={"description": "Where all is done."})
    unit = _text("What is counted.", required=False)


class StepMetadataSchema(MaBaseSchema):
    """On the wire: `href, uiHref, stepId, cleared`."""

    href = _text("The URL that takes the step's parameters.")
    uiHref = _text("The URL of the step's micro frontend.")
    stepId = _text("The branch of the computation, such as step1.step2b.", required=False)
    cleared = ma.fields.Boolean(metadata={"description": "False while the step waits for its parameters."})


class WebhookParamsSchema(MaBaseSchema):
    """The query of a call to a webhook."""

    source = _text("The URL of the task.")
    event = _text("What happened to it: status, steps or details.")
