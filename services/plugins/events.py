"""`GET /tasks/<id>/events`: a task as server-sent events, whenever it has changed, until it is finished."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask
from qhana_plugin_runner import identity, task_states
from qhana_plugin_runner.api import cross_origin
from qhana_plugin_runner.api.tasks_api import TaskSchema
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.foundation.identity import Caller
from services.plugins.identity import callers, checks
from services.plugins.watching import Watch, Watcher

HEARTBEAT_SECONDS: Final = 15.0
RETRY_MILLISECONDS: Final = 2000
MOST_OF_ONE_TASK: Final = 20
"""Streams that may follow one task at once."""


class TaskEvents:
    """The route. Each event is named `task`, has the revision as its id and the task as `GET /tasks/<id>/` gives it."""

    def __init__(
        self,
        flask: Flask,
        watch: Watch,
        *,
        heartbeat: float = HEARTBEAT_SECONDS,
        is_over: Callable[[Caller], bool] | None = None,
    ) -> None:
        """After `heartbeat` seconds of silence a comment keeps the line open.

        `is_over` says that a caller is to be known anew, which ends their stream: a browser opens it again, if it may.
        """
        self._flask, self._watch, self._heartbeat, self._is_over = flask, watch, heartbeat, is_over
        self._open: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        """Follow a task; 204, which ends a browser's reconnecting, when its end has been told before."""
        answer = await self._answer(request)
        answer.headers.update(cross_origin.headers_for(self._flask.config["CORS_ORIGINS"], request.headers))
        return answer

    async def _answer(self, request: Request) -> Response:
        task_id = request.path_params["task_id"]
        asking = _Asking(base_url=str(request.base_url), caller=request.scope.get(callers.ENVIRON))
        told = await self._read(task_id, asking)
        if told is None:
            return JSONResponse({"code": 404, "status": "Not Found", "message": "Task not found."}, status_code=404)
        revision, task = told
        if _is_finished(task) and request.headers.get("last-event-id") == str(revision):
            return Response(status_code=204)
        if self._open[task_id] >= MOST_OF_ONE_TASK:
            message = "Too many follow this task at once."
            return JSONResponse({"code": 429, "message": message}, status_code=429, headers={"Retry-After": "5"})
        return _Stream(self._follow(task_id, asking), seats=self._open, task_id=task_id)

    async def _follow(self, task_id: str, asking: "_Asking") -> AsyncGenerator[bytes, None]:
        yield f"retry: {RETRY_MILLISECONDS}\n".encode()
        sent: int | None = None
        with self._watch.of(task_id) as watcher:
            while not self._has_to_end(asking):
                told = await self._read(task_id, asking)
                if told is None:
                    yield b"event: gone\ndata: {}\n\n"
                    return
                revision, task = told
                if revision != sent:
                    sent = revision
                    text = json.dumps(task, ensure_ascii=False, separators=(",", ":"))
                    yield f"event: task\nid: {revision}\ndata: {text}\n\n".encode()
                if _is_finished(task):
                    return
                async for comment in self._quiet(watcher, revision, asking):
                    yield comment

    async def _quiet(self, watcher: Watcher, revision: int, asking: "_Asking") -> AsyncGenerator[bytes, None]:
        """Comments, until the task has another revision."""
        watcher.changed.clear()
        while watcher.revision in {None, revision} and not self._has_to_end(asking):
            try:
                async with asyncio.timeout(self._heartbeat):
                    await watcher.changed.wait()
                watcher.changed.clear()
            except TimeoutError:
                yield b": still here\n"

    def _has_to_end(self, asking: "_Asking") -> bool:
        over = self._is_over is not None and asking.caller is not None and self._is_over(asking.caller)
        return over or self._watch.closing.is_set()

    async def _read(self, task_id: str, asking: "_Asking") -> tuple[int, dict[str, Any]] | None:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._watch.threads, self._describe, task_id, asking)

    def _describe(self, task_id: str, asking: "_Asking") -> tuple[int, dict[str, Any]] | None:
        told = {identity.ENVIRON: checks.as_asker(asking.caller)}
        with self._flask.test_request_context(base_url=asking.base_url, environ_overrides=told):
            task = ProcessingTask.get_by_public_id(task_id)
            return None if task is None else (task.revision, TaskSchema().dump(task_states.describe(task)))


@dataclass(frozen=True, kw_only=True)
class _Asking:
    """Who follows a task, and by which address of the host."""

    base_url: str
    caller: Caller | None


def _is_finished(task: dict[str, Any]) -> bool:
    return bool(task["status"] != "PENDING")


class _Stream(StreamingResponse):
    """Gives its seat back whatever way it ends."""

    def __init__(self, body: AsyncGenerator[bytes, None], *, seats: Counter[str], task_id: str) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(body, media_type="text/event-stream", headers=headers)
        self._body, self._seats, self._task_id = body, seats, task_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._seats[self._task_id] += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._body.aclose()
            self._seats[self._task_id] -= 1
            if not self._seats[self._task_id]:
                del self._seats[self._task_id]
