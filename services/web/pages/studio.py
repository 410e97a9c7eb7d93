"""The studio page and what its scripts ask for."""

import asyncio
from typing import Any, Final

import flask
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from services.foundation import errors
from services.foundation.bridge import Bridge
from services.web import gate, generation, identifiers, present, strict_json
from services.web.backends.accounts import Accounts, Visitor
from services.web.backends.ledger import Tasks

_PAGE: Final = 24
"""Tasks that come with the page."""
_OLDER: Final = 48
"""Tasks that come at once to whoever goes on."""
_MAX_QUERY: Final = 512
"""As long as a prompt: nothing longer is in one."""


def blueprint(accounts: Accounts, tasks: Tasks, bridge: Bridge, limiter: Limiter) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("studio", __name__)

    async def purse_and_models(visitor: Visitor) -> dict[str, Any]:
        balance, able = await asyncio.gather(accounts.balance(visitor), _able(tasks, visitor))
        return {
            "tokens": balance.tokens,
            "models": [present.model(each) for each in able.models] if able is not None else [],
        }

    async def some_tasks(visitor: Visitor, scope: str, cursor: str, query: str) -> dict[str, Any]:
        session_id = "" if scope == "all" else visitor.session_id
        size = _OLDER if cursor else _PAGE
        found = await tasks.page(visitor, session_id=session_id, query=query, page_size=size, page_token=cursor)
        return {"tasks": [present.page_task(each) for each in found.tasks], "cursor": found.next_page_token or None}

    async def everything(visitor: Visitor, scope: str, query: str) -> dict[str, Any]:
        async def found() -> dict[str, Any] | None:
            return await some_tasks(visitor, scope, "", query) if query else None

        # The newest are there in a search too: what waits or runs is shown above it whatever its prompt says.
        state, timeline, search, cancels = await asyncio.gather(
            purse_and_models(visitor), some_tasks(visitor, scope, "", ""), found(), tasks.cancels_on_leave(visitor)
        )
        # An empty session points to the pictures of others, where there are any.
        empty = scope != "all" and not timeline["tasks"]
        earlier = empty and bool((await tasks.page(visitor, page_size=1)).tasks)
        ours = {"user": visitor.user_id, "session": visitor.session_id, "scope": scope, "earlier": earlier}
        return {**ours, **state, **timeline, "query": query, "found": search, **_leaving(cancel=cancels)}

    @views.get("/studio")
    def page() -> str:
        boot = bridge.call(everything(gate.visitor(), _scope(), _query()))
        return flask.render_template("studio.html", boot=boot)

    @views.get("/studio/state")
    def state() -> Response:
        return flask.jsonify(bridge.call(purse_and_models(gate.visitor())))

    @views.get("/studio/tasks")
    def some() -> Response:
        cursor = flask.request.args.get("cursor", "")[:512]
        return flask.jsonify(bridge.call(some_tasks(gate.visitor(), _scope(), cursor, _query())))

    @views.post("/studio/tasks")
    @limiter.limit("60/minute", key_func=lambda: gate.visitor().user_id)
    def submit() -> tuple[Response, int]:
        parameters = generation.read(strict_json.body())
        request_id = generation.request_id(flask.request.headers.get("Idempotency-Key"))
        task = bridge.call(tasks.submit(gate.visitor(), request_id, parameters, from_studio=True))
        return flask.jsonify(present.page_task(task)), 202

    @views.get("/studio/leaving")
    def leaving() -> Response:
        return flask.jsonify(_leaving(cancel=bridge.call(tasks.cancels_on_leave(gate.visitor()))))

    @views.put("/studio/leaving")
    def choose_leaving() -> Response:
        cancel = _wants_cancel(strict_json.body())
        bridge.call(tasks.choose_leaving(gate.visitor(), cancel=cancel))
        return flask.jsonify(_leaving(cancel=cancel))

    @views.post("/studio/tasks/<task_id>/cancel")
    def cancel(task_id: str) -> Response:
        task = bridge.call(tasks.cancel(gate.visitor(), identifiers.checked(task_id)))
        return flask.jsonify(present.page_task(task))

    return views


def _scope() -> str:
    return "all" if flask.request.args.get("scope") == "all" else "session"


def _query() -> str:
    """What prompts are searched for, as far as a prompt can hold it; characters that are no text find nothing."""
    given = flask.request.args.get("query", "")[:_MAX_QUERY].strip()
    return "".join(each for each in given if each.isprintable() or each.isspace())


def _leaving(*, cancel: bool) -> dict[str, str]:
    return {"leaving": "cancel" if cancel else "keep"}


def _wants_cancel(body: Any) -> bool:
    """What was chosen for tasks whose owner leaves. Raises InvalidInput for anything else."""
    if body not in (_leaving(cancel=True), _leaving(cancel=False)):
        raise errors.InvalidInput.of(
            errors.FieldViolation(field="leaving", description="Leaving is either keep or cancel.")
        )
    return bool(body["leaving"] == "cancel")


async def _able(tasks: Tasks, visitor: Visitor) -> Any:
    """What the workers can do; None while none was ever seen, which the page says in the button."""
    try:
        return await tasks.capabilities(visitor)
    except errors.Unavailable as error:
        if error.detail_reason != "NO_WORKER":
            raise
        return None
