"""Where the plugin host is said to be, and what its pages are lent."""

import re

import pytest
from pydantic import SecretStr, ValidationError

from services.web import assets
from services.web.settings import WebSettings


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("http://localhost:8014", "http://localhost:8014"),
        ("https://Plugins.Example.org:443/", "https://plugins.example.org"),
    ],
)
def test_the_plugin_host_is_an_origin_as_browsers_spell_it(given: str, kept: str) -> None:
    settings = WebSettings(service_secret=SecretStr("x"), plugins_url=given)

    assert settings.plugins_url == kept


@pytest.mark.parametrize(
    "given", ["localhost:8014", "ftp://x", "https://x/path", "https://x?y", "https://u@x", "http://x:y", "http://"]
)
def test_what_is_no_origin_is_refused_with_a_sentence(given: str) -> None:
    with pytest.raises(ValidationError, match="must be an origin"):
        WebSettings(service_secret=SecretStr("x"), plugins_url=given)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_plugins_are_lent_the_colours_and_voices_of_the_theme(look: str) -> None:
    theme = (assets.OURS / "theme.css").read_text()
    of_all = re.findall(r"\n:root \{(.*?)\n\}", theme, re.DOTALL)[0]
    of_look = re.findall(rf"\[data-bs-theme={look}\] \{{(.*?)\n\}}", theme, re.DOTALL)[0]
    said = dict(re.findall(r"(--dd-[\w-]+): ([^;]+);", of_all + of_look))

    lent = dict(re.findall(r"(--dd-[\w-]+): ([^;]+);", (assets.OURS / "frame" / f"{look}.css").read_text()))

    assert len(lent) > 25
    assert lent == {name: said[name] for name in lent}
