"""Comments are left out of what is sent, and nothing else is."""

import re

import pytest

from services.web import assets, lean

SCRIPTS = sorted((assets.OURS / "js").rglob("*.js"))


def test_lines_that_are_comments_are_left_out_of_a_script() -> None:
    text = '// why\nconst a = 1; // beside it\n  // more\nconst b = "//";\n'

    assert lean.script(text) == 'const a = 1; // beside it\nconst b = "//";\n'


def test_a_line_of_a_template_literal_is_no_comment() -> None:
    text = "const a = `one\n// two\nthree`;\n// gone\n"

    assert lean.script(text) == "const a = `one\n// two\nthree`;\n"


def test_comments_are_left_out_of_a_style_sheet() -> None:
    assert lean.style("/* one\n two */\na { color: red; } /* three */\nb {}") == "a { color: red; } b {}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_no_script_of_ours_ends_within_what_looks_like_a_literal(path: object) -> None:
    # An odd backtick, in a regular expression say, would keep the comments after it.
    text = lean.script(assets.OURS.joinpath(str(path)).read_text(encoding="utf-8"))

    assert text.count("`") % 2 == 0
    assert re.search(r"^\s*//", text, re.MULTILINE) is None
