"""The REST API of the host: one flask-smorest `Api` an app, and what every answer of it has in common."""

from typing import Final

from flask import Blueprint, Flask, Response, current_app, render_template_string, send_from_directory, url_for
from flask_smorest import Api
from qhana_plugin_runner.api.files_api import FILES_API
from qhana_plugin_runner.api.plugins_api import PLUGINS_API
from qhana_plugin_runner.api.task_ids import TaskIdConverter
from qhana_plugin_runner.api.tasks_api import TASKS_API
from swagger_ui_bundle import swagger_ui_path

_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
<link rel="stylesheet" href="{{ url_for('swagger-ui.file', name='swagger-ui.css') }}">
</head>
<body>
<div id="swagger-ui" data-spec="{{ spec }}"></div>
<script src="{{ url_for('swagger-ui.file', name='swagger-ui-bundle.js') }}"></script>
<script src="{{ url_for('swagger-ui.start') }}"></script>
</body>
</html>
"""
_START: Final = """const page = document.getElementById("swagger-ui");
SwaggerUIBundle({ url: page.dataset.spec, domNode: page });
"""
SWAGGER: Final = Blueprint("swagger-ui", __name__)


@SWAGGER.get("/")
def page() -> str:
    """The API's description for people; its script comes from the wheel, not from elsewhere."""
    return render_template_string(
        _PAGE, title=current_app.config.get("API_TITLE"), spec=url_for("api-docs.openapi_json")
    )


@SWAGGER.get("/start.js")
def start() -> Response:
    """What the page runs."""
    return Response(_START, mimetype="text/javascript")


@SWAGGER.get("/assets/<name>")
def file(name: str) -> Response:
    """A file of the bundle."""
    return send_from_directory(swagger_ui_path, name, max_age=86400)


def register_root_api(app: Flask) -> Api:
    """Serve the host's own API, `/api-spec.json` and `/swagger-ui/`; plugins are mounted on what this returns."""
    app.url_map.converters["task"] = TaskIdConverter
    prefix = str(app.config.get("OPENAPI_URL_PREFIX") or "").rstrip("/")
    app.config.setdefault("OPENAPI_JSON_PATH", "api-spec.json")
    # Empty means none to flask-smorest, and "/" the root.
    app.config["OPENAPI_URL_PREFIX"] = prefix or "/"
    api = Api(app)
    app.config["OPENAPI_URL_PREFIX"] = prefix
    api.register_blueprint(PLUGINS_API, url_prefix=f"{prefix}/plugins")
    api.register_blueprint(TASKS_API, url_prefix=f"{prefix}/tasks")
    api.register_blueprint(FILES_API, url_prefix=f"{prefix}/files")
    app.register_blueprint(SWAGGER, url_prefix=f"{prefix}/swagger-ui")
    app.add_url_rule(f"{prefix}/asyncapi.json", "asyncapi", _asyncapi)
    return api


def _asyncapi() -> Response:
    """What frames and the page round them say to each other, as an AsyncAPI document."""
    return send_from_directory(current_app.root_path, "asyncapi.json")
