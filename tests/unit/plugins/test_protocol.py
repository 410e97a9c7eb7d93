"""The document of the micro frontends' protocol names what both sides say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import qhana_plugin_runner
from flask import Flask

PACKAGE = Path(qhana_plugin_runner.__file__).parent
TO_HOST = {
    "ui-loaded": [],
    "ui-loading": [],
    "autofill-request": [],
    "implementations-request": [],
    "ui-resize": ["height", "targetHeight"],
    "ui-submit-status": ["isAllowedToSubmit"],
    "form-submit": ["formData", "formDataType", "dataInputs", "submitUrl", "resultUrl"],
    "form-error": ["status", "error"],
    "request-data-url": ["inputKey", "acceptedInputType", "acceptedContentTypes"],
    "request-data-url-info": ["inputKey", "dataUrl"],
    "request-data-preview": ["inputKey", "dataUrl"],
    "request-related-data-url": [
        "inputKey",
        "dataUrl",
        "relation",
        "includeSelf",
        "acceptedInputType",
        "acceptedContentType",
        "userInteraction",
    ],
    "request-plugin-url": ["inputKey", "pluginTags", "pluginName", "pluginVersion"],
    "request-plugin-url-info": ["inputKey", "pluginUrl"],
}
TO_PAGE = {
    "ui-prevent-submit": [],
    "ui-allow-submit": [],
    "ui-submit-status": [],
    "load-css": ["urls"],
    "data-url-response": ["inputKey", "href", "dataType", "contentType", "filename", "version"],
    "plugin-url-response": ["inputKey", "pluginUrl", "pluginName", "pluginVersion"],
    "implementations-response": ["implementations"],
    "autofill-response": ["value", "encoding"],
    "plugin-context": ["experimentId", "location"],
}


@pytest.mark.parametrize(("channel", "messages"), [("toHost", TO_HOST), ("toMicrofrontend", TO_PAGE)])
def test_every_message_stands_in_the_document_with_its_payload(channel: str, messages: dict[str, list[str]]) -> None:
    document: dict[str, Any] = json.loads((PACKAGE / "asyncapi.json").read_text())

    found = {}
    for reference in document["channels"][channel]["messages"].values():
        message = document["components"]["messages"][reference["$ref"].rpartition("/")[2]]
        found[message["name"]] = [key for key in message["payload"].get("properties", {}) if key != "type"]

    assert found == messages


def test_the_host_serves_the_document(app: Flask) -> None:
    answer = app.test_client().get("/asyncapi.json")

    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.get_json() == json.loads((PACKAGE / "asyncapi.json").read_text())


def test_every_message_that_the_script_sends_stands_in_the_document() -> None:
    script = (PACKAGE / "static" / "microfrontend.js").read_text()

    objects = re.findall(r'(?:\{ |\n\s+)type: "([a-z-]+)"', script)
    sent = {*objects, *re.findall(r'sendMessage\("([a-z-]+)"\)', script)}

    assert sent <= TO_HOST.keys()
