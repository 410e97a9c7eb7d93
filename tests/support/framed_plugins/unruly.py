"""A plugin whose page does what it must not be able to, each when its button is pressed."""

from typing import ClassVar

from flask import url_for
from qhana_plugin_runner.api.plugin_schemas import EntryPoint, PluginMetadata, PluginMetadataSchema
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("unruly", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__)
PAGE = """<!doctype html><html lang="en"><title>Unruly</title><body>
<button id="top" onclick="try { top.location = 'about:blank' } catch (e) { document.title = 'kept in' }">top</button>
<button id="popup" onclick="document.title = window.open('about:blank') ? 'got out' : 'no window'">popup</button>
<button id="large" onclick="say({type: 'ui-resize', height: 900, more: 'x'.repeat(11e6)})">large</button>
<button id="flood" onclick="for (let i = 0; i < 1000; i++) say({type: 'ui-resize', height: 200 + i})">flood</button>
<button id="elsewhere" onclick="say({type: 'form-submit', formData: '', formDataType: '', dataInputs: [],
  submitUrl: 'https://elsewhere.example/'})">elsewhere</button>
<button id="ask" onclick="say({type: 'request-data-url', inputKey: 'a', acceptedInputType: 'image/' + 'x'.repeat(9999),
  acceptedContentTypes: ['*']})">ask</button>
<script>
  function say(message) { parent.postMessage(message, "*"); }
  say("ui-loaded");
</script></body></html>"""


class Unruly(QHAnaPluginBase):
    """The plugin."""

    name = "unruly"
    version = "v1.0.0"
    description = "Does what it should not."
    tags: ClassVar[list[str]] = []

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its pages."""
        return BLP


@BLP.route("/")
@BLP.response(200, PluginMetadataSchema)
def about() -> PluginMetadata:
    entry = EntryPoint(href=url_for(f"{IDENTIFIER}.page"), ui_href=url_for(f"{IDENTIFIER}.page"))
    return PluginMetadata(
        title="Unruly", description="", name="unruly", version="v1.0.0", type="data-processor", entry_point=entry
    )


@BLP.route("/ui/")
def page() -> str:
    return PAGE
