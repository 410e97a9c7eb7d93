"""The `markdown` filter of the templates, for help texts and descriptions, which plugin authors write."""

import mistune
from flask import Flask


def register_markdown_filter(app: Flask) -> None:
    """Give the templates of `app` the filter. HTML in the text stays: it is the plugin's, as the page is."""
    convert = mistune.create_markdown(escape=False, plugins=["strikethrough", "footnotes", "table", "url"])

    def markdown(text: object) -> str:
        return str(convert(str(text or "")))

    app.jinja_env.filters.setdefault("markdown", markdown)
