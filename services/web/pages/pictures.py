"""What is done to pictures of the timeline: published, taken back, deleted."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import flask
from werkzeug.wrappers import Response

from services.foundation import errors
from services.foundation.bridge import Bridge
from services.web import gate, identifiers, present, strict_json
from services.web.backends.accounts import Visitor
from services.web.backends.gallery import Gallery
from services.web.backends.ledger import Tasks

MOST_DELETED: Final = 100
"""Pictures that one request deletes at most; the page sends as many requests as it takes."""
_AT_ONCE: Final = 4


def blueprint(tasks: Tasks, gallery: Gallery, bridge: Bridge) -> flask.Blueprint:
    """The views. Each answers with the tasks as they stand afterwards."""
    views = flask.Blueprint("pictures", __name__, url_prefix="/studio")

    async def published(visitor: Visitor, task_id: str, image_id: str, *, wanted: bool) -> dict[str, Any]:
        if wanted:
            await gallery.publish(visitor, image_id)
        else:
            await gallery.unpublish(visitor, image_id)
        return present.page_task(await tasks.get(visitor, task_id))

    async def deleted(visitor: Visitor, image_ids: Sequence[str]) -> dict[str, Any]:
        room = asyncio.Semaphore(_AT_ONCE)
        left: dict[str, dict[str, Any]] = {}

        async def delete(image_id: str) -> None:
            async with room:
                try:
                    task = present.page_task(await tasks.delete_image(visitor, image_id))
                except errors.NotFound:
                    # Gone already, by another page of the same person: it is as they want it.
                    return
            if task["revision"] >= left.get(task["id"], task)["revision"]:
                left[task["id"]] = task

        await asyncio.gather(*(delete(each) for each in image_ids))
        return {"tasks": list(left.values())}

    @views.put("/tasks/<task_id>/images/<image_id>/published")
    def publish(task_id: str, image_id: str) -> Response:
        return flask.jsonify(bridge.call(published(*_named(task_id, image_id), wanted=True)))

    @views.delete("/tasks/<task_id>/images/<image_id>/published")
    def take_back(task_id: str, image_id: str) -> Response:
        return flask.jsonify(bridge.call(published(*_named(task_id, image_id), wanted=False)))

    @views.post("/images/delete")
    def delete() -> Response:
        return flask.jsonify(bridge.call(deleted(gate.visitor(), _chosen(strict_json.body()))))

    return views


def _named(task_id: str, image_id: str) -> tuple[Visitor, str, str]:
    return gate.visitor(), identifiers.checked(task_id), identifiers.checked(image_id)


def _chosen(body: Any) -> list[str]:
    """The ids, each once. Raises InvalidInput for anything else than a few of them, NotFound for what is no id."""
    listed: Any = body.get("images") if isinstance(body, dict) and set(body) == {"images"} else None
    few = isinstance(listed, list) and 0 < len(listed) <= MOST_DELETED
    if not few or not all(isinstance(each, str) for each in listed):
        wrong = f"Name 1 to {MOST_DELETED} pictures by their ids."
        raise errors.InvalidInput.of(errors.FieldViolation(field="images", description=wrong))
    return [identifiers.checked(each) for each in dict.fromkeys(listed)]
