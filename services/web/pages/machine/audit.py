"""What staff did, in sentences: auth's log and that of tasks as one, newest first."""

from collections.abc import Sequence
from typing import Any, Final

import flask

from services.foundation.bridge import Bridge
from services.web import gate, merging
from services.web.backends.accounts import Visitor
from services.web.backends.machine import Machine
from services.web.backends.names import Names
from services.web.backends.people import People
from services.web.pages.machine import sentences, whom

_PAGE: Final = 30


def install(views: flask.Blueprint, machine: Machine, people: People, names: Names, bridge: Bridge) -> None:
    """The view."""

    @views.get("/audit", endpoint="audit")
    def audit() -> str:
        visitor = gate.visitor()
        who = flask.request.args.get("who", "").strip()[: whom.MOST_CHARACTERS]
        cursor = flask.request.args.get("cursor", "")

        async def read() -> dict[str, Any]:
            user_id, nobody = await whom.chosen(people, visitor, who)
            if nobody:
                return {"lines": [], "older": "", "nobody": True}
            lines, older = await merging.page(_logs(machine, people, visitor, user_id), cursor, _PAGE)
            said = [line.said for line in lines if isinstance(line.said, sentences.Sentence)]
            known = await names.of(visitor, {each for one in said for each in (one.staff_id, one.user_id)})
            return {"lines": [sentences.shown(each, known) for each in said], "older": older, "nobody": False}

        return flask.render_template("admin/audit.html", **bridge.call(read()), who=who, first=not cursor)


def _logs(machine: Machine, people: People, visitor: Visitor, user_id: str) -> Sequence[merging.Read]:
    """Everything; or, of one person, what was done to them and what they did."""

    async def of_auth(page_token: str, *, user_id: str = "", staff_id: str = "") -> tuple[list[merging.Line], str]:
        found = await people.deeds(
            visitor, user_id=user_id, staff_id=staff_id, page_token=page_token, page_size=merging.AT_ONCE
        )
        return [sentences.of_auth(each) for each in found.deeds], found.next_page_token

    async def of_tasks(page_token: str, *, user_id: str = "", staff_id: str = "") -> tuple[list[merging.Line], str]:
        found = await machine.deeds(
            visitor, user_id=user_id, staff_id=staff_id, page_token=page_token, page_size=merging.AT_ONCE
        )
        return [sentences.of_tasks(each) for each in found.deeds], found.next_page_token

    if not user_id:
        return [of_auth, of_tasks]
    return [
        lambda token: of_auth(token, user_id=user_id),
        lambda token: of_auth(token, staff_id=user_id),
        lambda token: of_tasks(token, user_id=user_id),
        lambda token: of_tasks(token, staff_id=user_id),
    ]
