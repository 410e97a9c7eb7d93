"""Everybody who has an account, newest first, to be searched."""

import datetime as dt
from typing import Any, Final

import flask
from daydream.auth.v1 import auth_pb2

from services.foundation.bridge import Bridge
from services.web import gate
from services.web.backends.counts import Counts
from services.web.backends.people import People
from services.web.pages.people import words

_PAGE: Final = 20
_QUERY_CHARACTERS: Final = 128


def install(views: flask.Blueprint, people: People, counts: Counts, bridge: Bridge) -> None:
    """The view."""

    @views.get("/users")
    def users() -> str:
        visitor = gate.visitor()
        query = flask.request.args.get("q", "").strip()[:_QUERY_CHARACTERS]
        cursor = flask.request.args.get("cursor", "")[:512]

        async def read() -> tuple[auth_pb2.ListUsersResponse, list[dict[str, Any]]]:
            found = await people.listing(visitor, query=query, page_token=cursor, page_size=_PAGE)
            pictures = await counts.of(visitor, [each.user_id for each in found.users])
            now = dt.datetime.now(dt.UTC)
            rows = [words.person(each, now) for each in found.users]
            for row in rows:
                row["pictures"] = None if pictures is None else pictures.get(row["id"], 0)
            return found, rows

        found, rows = bridge.call(read())
        return flask.render_template(
            "admin/users.html",
            users=rows,
            total=found.total_size,
            query=query,
            first=not cursor,
            older=found.next_page_token,
            here=flask.request.full_path.rstrip("?"),
        )
