"""The shapes of answers, for the OpenAPI document and for nothing else: `present` writes them."""

import marshmallow as ma

from services.web.ingredients import AdapterSchema, MaskSchema, StartImageSchema


def _about(text: str) -> dict[str, str]:
    return {"description": text}


# Written by `present` already, so that marshmallow has nothing to format.
_TIME = {"format": "date-time"}


class ProblemFieldSchema(ma.Schema):
    """A field that is wrong."""

    field = ma.fields.String(required=True, metadata=_about("Its name."))
    detail = ma.fields.String(required=True, metadata=_about("What is wrong with it."))


class ProblemSchema(ma.Schema):
    """An error (RFC 9457)."""

    type = ma.fields.String(required=True, metadata=_about("Always about:blank; switch on `reason`."))
    title = ma.fields.String(required=True, metadata=_about("The HTTP status in words."))
    status = ma.fields.Integer(required=True, metadata=_about("The HTTP status."))
    reason = ma.fields.String(required=True, metadata=_about("What went wrong, in one word."))
    detail = ma.fields.String(required=True, metadata=_about("What went wrong, for people."))
    fields_ = ma.fields.List(
        ma.fields.Nested(ProblemFieldSchema), data_key="fields", metadata=_about("The fields that are wrong, if any.")
    )
    metadata = ma.fields.Dict(metadata=_about("Figures that belong to the reason, for example price and balance."))


class ProgressSchema(ma.Schema):
    """How far a task is."""

    step = ma.fields.Integer(required=True, metadata=_about("Denoising steps done, over all images."))
    steps = ma.fields.Integer(required=True, metadata=_about("Denoising steps to do, over all images."))
    percent = ma.fields.Integer(required=True, metadata=_about("0 to 100; only rises within an attempt."))


class TaskErrorSchema(ma.Schema):
    """Why a task failed."""

    reason = ma.fields.String(required=True, metadata=_about("In one word."))
    message = ma.fields.String(required=True, metadata=_about("For people."))


class ParametersSchema(ma.Schema):
    """What is drawn and how, in the form of a request."""

    prompt = ma.fields.String(required=True)
    negative_prompt = ma.fields.String(required=True)
    model = ma.fields.String(required=True)
    sampler = ma.fields.String(required=True)
    steps = ma.fields.Integer(required=True)
    guidance = ma.fields.Float(required=True)
    width = ma.fields.Integer(required=True)
    height = ma.fields.Integer(required=True)
    seed = ma.fields.Integer(required=True, metadata=_about("−1 until the worker has drawn it."))
    samples = ma.fields.Integer(required=True)
    start_image = ma.fields.Nested(StartImageSchema, metadata=_about("There where it begins from a picture."))
    mask = ma.fields.Nested(MaskSchema)
    strength = ma.fields.Float(metadata=_about("There with a start image: of the steps, this share is gone."))
    variation_seed = ma.fields.Integer(metadata=_about("There with a variation_strength above 0."))
    variation_strength = ma.fields.Float(required=True)
    guidance_rescale = ma.fields.Float(required=True)
    clip_skip = ma.fields.Integer(required=True)
    adapters = ma.fields.List(ma.fields.Nested(AdapterSchema), required=True)


class UploadSchema(ma.Schema):
    """A picture that you brought, as it is kept."""

    id = ma.fields.String(required=True)
    width = ma.fields.Integer(required=True)
    height = ma.fields.Integer(required=True)
    bytes = ma.fields.Integer(required=True, metadata=_about("Size of the PNG it was made into."))
    created_at = ma.fields.String(required=True, metadata=_TIME)
    expires_at = ma.fields.String(
        required=True,
        metadata={**_TIME, **_about("When it is forgotten, unless a task uses it: a day after it last was.")},
    )
    url = ma.fields.String(required=True, metadata=_about("Path of the PNG on this server."))


class ImageSchema(ma.Schema):
    """A finished image."""

    id = ma.fields.String(required=True)
    seed = ma.fields.Integer(required=True, metadata=_about("Its real seed."))
    width = ma.fields.Integer(required=True)
    height = ma.fields.Integer(required=True)
    url = ma.fields.String(required=True, metadata=_about("Path of the file on this server."))
    thumbnail_url = ma.fields.String(
        required=True, metadata=_about("Path of a WebP of it, the longer side 256 pixels at most.")
    )


class TaskSchema(ma.Schema):
    """One generation."""

    id = ma.fields.String(required=True)
    state = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(["PENDING", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]),
    )
    position = ma.fields.Integer(metadata=_about("Place in line, from 1, while it is queued."))
    ahead = ma.fields.Integer(metadata=_about("Tasks before it, running ones too, while it is queued."))
    starts_in_seconds = ma.fields.Float(metadata=_about("Until it starts, where that is known, while it is queued."))
    estimated_seconds = ma.fields.Float(metadata=_about("Until it ends, where that is known."))
    progress = ma.fields.Nested(ProgressSchema, required=True)
    price = ma.fields.Integer(required=True, metadata=_about("Tokens held for it."))
    charged = ma.fields.Integer(required=True, metadata=_about("Tokens kept for what was delivered."))
    created_at = ma.fields.String(required=True, metadata=_TIME)
    started_at = ma.fields.String(metadata=_TIME)
    finished_at = ma.fields.String(metadata=_TIME)
    duration_ms = ma.fields.Integer()
    imported_from = ma.fields.String(
        metadata=_about("The plugin that made the picture; there only where it was not drawn here.")
    )
    error = ma.fields.Nested(TaskErrorSchema)
    parameters = ma.fields.Nested(ParametersSchema, required=True)
    images = ma.fields.List(ma.fields.Nested(ImageSchema), required=True)


class PluginTokenSchema(ma.Schema):
    """What lets a program in at the plugin host."""

    token = ma.fields.String(required=True, metadata=_about("No other service believes it."))
    expires_at = ma.fields.String(
        required=True, metadata={**_TIME, **_about("Minutes from now; get another one before.")}
    )
    url = ma.fields.String(required=True, metadata=_about("Where the plugin host is."))


class TaskPageSchema(ma.Schema):
    """Some of the caller's tasks."""

    tasks = ma.fields.List(ma.fields.Nested(TaskSchema), required=True, metadata=_about("Newest first."))
    next_cursor = ma.fields.String(
        required=True, allow_none=True, metadata=_about("Asks for the page after this one; null on the last.")
    )


class TaskListQuery(ma.Schema):
    """Which tasks."""

    limit = ma.fields.Integer(
        load_default=20,
        validate=ma.validate.Range(min=1, max=100, error="must be between 1 and 100."),
        metadata=_about("Tasks a page, 1 to 100."),
    )
    cursor = ma.fields.String(
        load_default="",
        validate=ma.validate.Length(max=512),
        metadata=_about("From `next_cursor` of the answer before."),
    )
