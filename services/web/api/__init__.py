"""`/api/v1`: what programs use, with a bearer key and never with a cookie, so that no page can be tricked into it."""

from typing import Any, Final

import flask
import flask_smorest
from flask_limiter import Limiter
from flask_wtf.csrf import CSRFProtect

from services.foundation.bridge import Bridge
from services.web import gate, problems
from services.web.api import plugins as plugins_api
from services.web.api import tasks as tasks_api
from services.web.api.schemas import ProblemSchema, UploadSchema
from services.web.backends.everything import Backends
from services.web.streams import archives

PREFIX: Final = "/api/v1"
_BINARY: Final = {"type": "string", "format": "binary"}
_SIZE: Final = {
    "in": "query",
    "name": "size",
    "schema": {"type": "string", "enum": ["original", "medium", "small", "thumb"], "default": "original"},
}
_ABOUT: Final = (
    "Everything the studio does, for programs. Send `Authorization: Bearer dd_…`; errors are "
    "`application/problem+json` (RFC 9457) with a `reason` to switch on."
)


class _Api(flask_smorest.Api):  # type: ignore[misc]
    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        # The library writes one content type for answers and errors alike; ours have each its own.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = problems.MEDIA_TYPE
        super()._register_responses()
        self.DEFAULT_RESPONSE_CONTENT_TYPE = "application/json"

    def _register_pagination_header(self) -> None:
        """Nothing here is paged by headers."""


def install(app: flask.Flask, backends: Backends, *, bridge: Bridge, limiter: Limiter, csrf: CSRFProtect) -> None:
    """Put the API and its OpenAPI document into the app."""
    app.config.update(
        API_TITLE="Daydream",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=PREFIX,
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {"description": _ABOUT},
            "security": [{"key": []}],
            "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
            "paths": _streams(),
        },
    )
    api = _Api(app)
    api.spec.components.schema("Upload", schema=UploadSchema)
    blueprints = [tasks_api.blueprint(backends.tasks, bridge, limiter)]
    if backends.plugins is not None:
        blueprints.append(plugins_api.blueprint(backends.plugins, backends.grants, bridge, limiter))
    for each in blueprints:
        csrf.exempt(each)
        gate.by_key(app, each, backends.accounts, bridge)
        api.register_blueprint(each, url_prefix=PREFIX)


def _streams() -> dict[str, Any]:
    """The routes that are answered beside Flask, for the document."""
    return {
        f"{PREFIX}/tasks/{{task_id}}/events": {
            "parameters": [
                _path_id("task_id"),
                {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}},
            ],
            "get": {
                "tags": ["tasks"],
                "summary": "Follow a task to its end",
                "description": (
                    "Server-sent events. `task` carries the task whenever its stored state changed, `progress` the "
                    "same form in between. Ids resume a broken stream. The stream ends after the task did."
                ),
                "responses": _answers("Events.", "text/event-stream", {"type": "string"}),
            },
        },
        f"{PREFIX}/images/{{image_id}}": {
            "parameters": [_path_id("image_id"), _SIZE],
            "get": {
                "tags": ["tasks"],
                "summary": "Read an image file",
                "description": (
                    "The PNG as it was drawn, its settings in it; with `size` a WebP thumbnail, the longer side 768 "
                    "(`medium`) or 256 pixels (`small`, or `thumb`) at most. None of them ever changes."
                ),
                "responses": _answers("The file.", "image/png", _BINARY, also="image/webp"),
            },
        },
        f"{PREFIX}/archive": {
            "get": {
                "tags": ["tasks"],
                "summary": "Read all your images as one ZIP file",
                "description": (
                    f"Made while it is sent, so its length is not known before: `{archives.IMAGES_HEADER}` and "
                    f"`{archives.BYTES_HEADER}` say how many images it holds and how large they are together. A file "
                    "that cannot be read any more is named in a text file inside. 409 `NO_IMAGES` where there are none."
                ),
                "parameters": [
                    {
                        "in": "query",
                        "name": "session",
                        "schema": {"type": "string"},
                        "description": "Only images made in this session of the studio.",
                    }
                ],
                "responses": _answers("The archive.", archives.MEDIA_TYPE, _BINARY),
            },
        },
        f"{PREFIX}/uploads": {
            "post": {
                "tags": ["tasks"],
                "summary": "Bring a picture to begin from, or a mask",
                "description": (
                    "The body is the file itself: PNG, JPEG or WebP, at most 20 MB and 25 million pixels. Only its "
                    "pixels are kept, upright, the longer side 2,048 pixels at most."
                ),
                "requestBody": {
                    "required": True,
                    "content": {kind: {"schema": _BINARY} for kind in ("image/png", "image/jpeg", "image/webp")},
                },
                "responses": _answers(
                    "Kept.", "application/json", {"$ref": "#/components/schemas/Upload"}, status="201"
                ),
            },
        },
        f"{PREFIX}/uploads/{{upload_id}}": {
            "parameters": [_path_id("upload_id")],
            "get": {
                "tags": ["tasks"],
                "summary": "Read an upload",
                "responses": _answers("The file.", "image/png", _BINARY),
            },
        },
    }


def _answers(
    words: str, media_type: str, schema: dict[str, Any], *, status: str = "200", also: str = ""
) -> dict[str, Any]:
    kinds = [each for each in (media_type, also) if each]
    return {
        status: {"description": words, "content": {each: {"schema": schema} for each in kinds}},
        "default": {"$ref": "#/components/responses/DEFAULT_ERROR"},
    }


def _path_id(name: str) -> dict[str, Any]:
    return {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
