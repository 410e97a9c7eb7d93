"""Which forms have done their work already, as far as this browser's signed session remembers.

What some of them make is shown once, on the page that answers them. To reload that page sends the form again, and that
must not make another one.
"""

import secrets
from typing import Final

import flask

_KEPT: Final = "spent"
# A page is reloaded soon or never, and the cookie is to stay small.
_REMEMBERED: Final = 8


def mark() -> str:
    """What a form carries, so that it is known again."""
    return secrets.token_urlsafe(12)


def is_spent(form_mark: str) -> bool:
    """Whether the form with this mark has done its work."""
    return form_mark in flask.session.get(_KEPT, [])


def spend(form_mark: str) -> None:
    """Remember that it has."""
    flask.session[_KEPT] = [*flask.session.get(_KEPT, []), form_mark][-_REMEMBERED:]
