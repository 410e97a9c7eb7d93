"""Shows a picture."""

import base64
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import marshmallow as ma
from flask import Response, abort, render_template, url_for
from flask.views import MethodView
from qhana_plugin_runner.api.plugin_schemas import PluginMetadata, PluginMetadataSchema
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.util.plugins import QHAnaPluginBase
from requests import RequestException

from . import pictures, showing
from .pictures import PictureRefused

TITLE = "Look at a picture"


class ImageViewer(QHAnaPluginBase):
    """The plugin."""

    name = "image-viewer"
    version = "v1.0.0"
    description = "Shows a picture, fitted to the page or in its own size."
    tags: ClassVar[list[str]] = ["image", "visualization"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


IDENTIFIER = ImageViewer.instance.identifier
BLP = SecurityBlueprint(IDENTIFIER, __name__, description=ImageViewer.description, template_folder="templates")


@BLP.route("/")
class MetadataView(MethodView):
    """What the plugin says of itself."""

    @BLP.response(HTTPStatus.OK, PluginMetadataSchema)
    @BLP.require_jwt("jwt", optional=True)
    def get(self) -> PluginMetadata:
        """Its metadata."""
        return showing.metadata(
            ImageViewer.instance,
            title=TITLE,
            address=url_for(f"{IDENTIFIER}.MicroFrontend"),
            data_type="image/*",
            content_types=pictures.CONTENT_TYPES,
        )


@BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The page."""

    @BLP.html_response(HTTPStatus.OK, description="The page with the picture.")
    @BLP.arguments(showing.DataSchema(unknown=ma.EXCLUDE), location="query")
    @BLP.require_jwt("jwt", optional=True)
    def get(self, query: Mapping[str, Any]) -> Any:
        """Look at the file's header; the browser gets the picture from beside this page."""
        url = query["data_url"]
        try:
            file = pictures.fetch(url)
        except (PictureRefused, RequestException) as error:
            return showing.problem(TITLE, str(error))
        beside = url_for(f"{IDENTIFIER}.PictureView", **{"data-url": url})
        return render_template(
            "daydream_images/viewer.html",
            name=TITLE,
            file=file,
            # What came in the URL is in the page already, and may be too long for another one.
            source=_inline(file) if url.startswith("data:") else beside,
        )


@BLP.route("/picture/")
class PictureView(MethodView):
    """The picture itself: the host may reach what the browser cannot."""

    @BLP.arguments(showing.DataSchema(unknown=ma.EXCLUDE), location="query")
    @BLP.response(HTTPStatus.OK)
    @BLP.require_jwt("jwt", optional=True)
    def get(self, query: Mapping[str, Any]) -> Response:
        """Its bytes, if they are a picture's."""
        try:
            file = pictures.fetch(query["data_url"])
        except (PictureRefused, RequestException) as error:
            abort(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return Response(file.data, mimetype=file.format.content_type, headers=headers)


def _inline(file: pictures.File) -> str:
    return f"data:{file.format.content_type};base64,{base64.b64encode(file.data).decode()}"
