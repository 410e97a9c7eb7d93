"""A plugin's pages on one origin, and a page that frames them on another, as the studio does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import marshmallow as ma
from flask import Flask, jsonify, redirect, render_template, request
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, PluginUrl
from qhana_plugin_runner.markdown import register_markdown_filter
from qhana_plugin_runner.util.jinja_helpers import register_helpers
from werkzeug import Response
from werkzeug.serving import make_server

FRAMING = """<!doctype html><html lang="en"><title>Host</title><body>
<script>
  var heard = [];
  addEventListener("message", (event) => heard.push({ origin: event.origin, data: event.data }));
  function say(message) { document.getElementById("f").contentWindow.postMessage(message, "*"); }
</script>
<iframe id="f" title="Plugin" src="%s" sandbox="allow-scripts allow-forms allow-downloads allow-same-origin"></iframe>
</body></html>"""

SEED_FORM = """<!doctype html><html lang="en"><title>Seed</title><body style="margin:0">
<form class="qhana-form" method="post" action="/seed/">
  <label for="data">Data</label>
  <input id="data" name="data" data-input="entity" data-content-type="application/json text/csv">
  <input aria-label="Key" name="key" data-token="ibmq" value="secret">
  <button data-submit="validate">check</button>
  <button data-submit="submit" formaction="/process/">send</button>
</form>
<script src="/static/microfrontend.js" data-host-origins="%s"></script></body></html>"""


class Form(FrontendFormBaseSchema):
    """Of every kind that the script treats in a way of its own."""

    data_url = FileUrl(data_input_type="entity/list", data_content_types=["application/json", "text/csv"])
    related_url = FileUrl(data_input_type="entity/*", metadata={"related_to": "data_url", "relation": "pre"})
    plugin_url = PluginUrl(plugin_tags=["a", "!b"], plugin_name="helper")
    words = ma.fields.String()
    keep = ma.fields.Boolean()
    password = ma.fields.String(metadata={"input_type": "password"})
    hidden_key = ma.fields.String(metadata={"private": True})


@dataclass
class Pages:
    """Running."""

    plugin: str
    """The plugin's origin."""
    host: str
    """The framing page's origin; its path `/?<URL>` frames that URL."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    """The forms that the plugin was sent."""


@contextmanager
def running() -> Iterator[Pages]:
    """Both origins, served by threads; the host may frame the plugin's pages, another page may not talk with them."""
    pages = Pages(plugin="", host="")
    with _serving(_plugin(pages)) as plugin, _serving(_host()) as host:
        pages.plugin, pages.host = plugin, host
        yield pages


def _plugin(pages: Pages) -> Flask:
    app = Flask("qhana_plugin_runner")
    register_helpers(app)
    register_markdown_filter(app)

    def form(origins: str) -> str:
        values = {name: request.values[name] for name in request.values}
        return render_template(
            "simple_template.html",
            schema=Form(),
            values=values,
            errors={},
            process=request.args.get("process", "/process/"),
            plugin_host_origins=origins,
        )

    @app.route("/ui/", methods=["GET", "POST"])
    def ui() -> str:
        return form(f"https://studio.example {pages.host}")

    @app.route("/unlisted/")
    def unlisted() -> str:
        return form("")

    @app.route("/foreign/")
    def foreign() -> str:
        return form("https://studio.example https://other.example")

    @app.route("/seed/", methods=["GET", "POST"])
    def seed() -> str:
        return SEED_FORM % pages.host

    @app.post("/process/")
    def process() -> Response:
        pages.sent.append(request.form.to_dict())
        return redirect("/tasks/1/", 303)

    @app.get("/tasks/1/")
    def task() -> Response:
        return jsonify(status="PENDING")

    @app.post("/refuse/")
    def refuse() -> tuple[Response, int]:
        return jsonify(code=422, status="Unprocessable Entity", errors={"form": {"words": ["Bad."]}}), 422

    @app.post("/break/")
    def breaks() -> tuple[str, int]:
        return "<h1>no JSON</h1>", 500

    @app.get("/theme.css")
    def theme() -> Response:
        return Response("body { outline: 3px solid red }", mimetype="text/css")

    return app


def _host() -> Flask:
    app = Flask("host", static_folder=None)

    @app.get("/")
    def frame() -> str:
        return FRAMING % request.query_string.decode()

    @app.get("/theme.css")
    def theme() -> Response:
        return Response("body { outline: 2px solid green }", mimetype="text/css")

    return app


@contextmanager
def _serving(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
