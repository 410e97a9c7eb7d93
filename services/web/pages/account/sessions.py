"""Where one is signed in, and ending it there."""

import datetime as dt
from typing import Any

import flask
from daydream.auth.v1 import auth_pb2
from werkzeug.wrappers import Response

from services.foundation.bridge import Bridge
from services.web import browsers, gate, identifiers
from services.web.backends.sessions import Sessions


def add(views: flask.Blueprint, open_sessions: Sessions, bridge: Bridge) -> None:
    """Put the tab among the views."""

    @views.get("/account/sessions")
    def sessions() -> str:
        visitor = gate.visitor()
        found = bridge.call(open_sessions.listing(visitor))
        return flask.render_template(
            "account/sessions.html",
            visitor=visitor,
            sessions=[_session(each, visitor.session_id) for each in found],
        )

    @views.post("/account/sessions/<session_id>/end")
    def end_session(session_id: str) -> Response:
        visitor, asked = gate.visitor(), identifiers.checked(session_id)
        if bridge.call(open_sessions.end(visitor, asked)):
            # Of the visitor's own session the next page knows by itself, as of every one that is over.
            flask.flash("That session is over.", "ok")
        return flask.redirect(flask.url_for("account.sessions"), 303)

    @views.post("/account/sessions/end-others")
    def end_other_sessions() -> Response:
        ended = bridge.call(open_sessions.end_others(gate.visitor()))
        flask.flash("1 other session is over." if ended == 1 else f"{ended} other sessions are over.", "ok")
        return flask.redirect(flask.url_for("account.sessions"), 303)


def _session(session: auth_pb2.Session, own: str) -> dict[str, Any]:
    return {
        "id": session.session_id,
        "own": session.session_id == own,
        "browser": browsers.words(session.user_agent),
        "created": session.created_time.ToDatetime(dt.UTC),
        "seen": session.last_seen_time.ToDatetime(dt.UTC),
        "expires": session.expire_time.ToDatetime(dt.UTC),
    }
