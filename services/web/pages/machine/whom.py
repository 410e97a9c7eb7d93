"""Whom a page for staff is about: an address or an id, as somebody typed it."""

from typing import Final

from services.foundation import errors
from services.web import identifiers
from services.web.backends.accounts import Visitor
from services.web.backends.people import Nobody, People

MOST_CHARACTERS: Final = 128


async def chosen(people: People, visitor: Visitor, who: str) -> tuple[str, bool]:
    """The id of whoever is meant, empty for everybody; and whether there is nobody of that name.

    What looks like an id may be that of an account that is gone, of which a log still tells.
    """
    if not who:
        return "", False
    try:
        return (await people.find(visitor, who)).user_id, False
    except Nobody:
        try:
            return identifiers.checked(who), False
        except errors.NotFound:
            return "", True
