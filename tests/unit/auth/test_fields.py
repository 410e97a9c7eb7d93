"""What fields may hold."""

import pytest

from services.auth import fields
from services.foundation import errors


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        (" ada@example.org ", "ada@example.org"),
        ("staff@daydream.local", "staff@daydream.local"),
        ("ada@localhost", "ada@localhost"),
        ("ada+tag@sub.example.test", "ada+tag@sub.example.test"),
        (f"{'a' * 64}@{'b' * 51}.example.org", f"{'a' * 64}@{'b' * 51}.example.org"),
    ],
)
def test_an_address_has_one_form(given: str, kept: str) -> None:
    assert fields.normal_email(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "", "ada", "@example.org", "ada@", "ada@@example.org", "ada@example..org", "ada @example.org",
        "ada@example.org\r\nBcc: eve@example.org", "ada@example.org\n", "\tada@example.org", "ada\0@example.org",
        '"a b"@example.org', "Ada <ada@example.org>", "ada@[127.0.0.1]", "ada@example.org,eve@example.org",
        f"{'a' * 64}@{'b' * 53}.example.org", "a" * 1_000_000, "ада@example.org",
    ],
)  # fmt: skip
def test_what_is_no_address_has_none(given: str) -> None:
    assert fields.normal_email(given) is None


def test_every_wrong_field_is_told_at_once() -> None:
    given = fields.Fields()
    given.email("email", "nobody")
    given.password("password", "short")
    given.text("username", "x" * 33, at_most=32)
    given.mobile("mobile", "call me")
    given.id("request_id", "a b")
    given.whole("amount", -1, at_least=0)

    with pytest.raises(errors.InvalidInput) as refused:
        given.done()

    assert [violation.field for violation in refused.value.fields] == [
        "email", "password", "username", "mobile", "request_id", "amount",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["a\0b", "a\nb", "a\x7fb", "a\u2028b", "a\u202eb", "a\ud800b", "\tab", "ab\r\n"])
def test_text_holds_no_control_characters(text: str) -> None:
    with pytest.raises(errors.InvalidInput), fields.checked() as given:
        given.text("username", text, at_most=32)


@pytest.mark.parametrize(
    "text", ["", "Ada Lovelace", "渡辺", "👩‍🚀 Ada", "O'Brien; DROP TABLE users", "{{7*7}}", "x" * 32]
)
def test_any_other_text_is_kept_as_it_is(text: str) -> None:
    with fields.checked() as given:
        kept = given.text("username", text, at_most=32)

    assert kept == text


def test_a_user_agent_is_cut_rather_than_refused() -> None:
    assert fields.cut_user_agent("Browser\r\n1.0 " + "x" * 1000) == ("Browser1.0 " + "x" * 1000)[:256]


@pytest.mark.parametrize(
    ("text", "could_be"),
    [
        ("a", True),
        ("x" * 64, True),
        ("", False),
        ("x" * 65, False),
        ("a b", False),
        ("é", False),
        ("a\0", False),
        ("a\n", False),
    ],
)
def test_an_id_is_short_printable_ascii(text: str, could_be: bool) -> None:
    assert fields.is_id(text) is could_be
