"""`GET /api/v1/tasks/{id}/events`: one task for programs, to its end."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from services.foundation import errors, logs
from services.web import identifiers, present, visitors
from services.web.backends import ledger
from services.web.backends.accounts import Accounts, Visitor
from services.web.backends.ledger import Tasks
from services.web.streams import sse

log = logs.logger(__name__)


class TaskEvents:
    """`task` carries the whole task whenever its stored state changed, `progress` the same form in between."""

    def __init__(self, accounts: Accounts, tasks: Tasks, hub: sse.Hub, timing: sse.Timing) -> None:
        """What it stands on."""
        self._accounts, self._tasks, self._hub, self._timing = accounts, tasks, hub, timing

    async def answer(self, request: Request) -> Response:
        """Open the stream. Raises KeyNeeded, NotFound, TooManyStreams."""
        authorization = request.headers.get("authorization", "")
        visitor = await visitors.of_authorization(self._accounts, authorization)
        task_id = identifiers.checked(request.path_params["task_id"])
        # Asked before the stream opens, so that a missing task is a 404 and not an empty stream.
        task = await self._tasks.get(visitor, task_id)
        if request.method == "HEAD":
            return Response(media_type=sse.MEDIA_TYPE)
        after = sse.resume_from(request)
        if task.state in present.ENDED:
            if after == task.revision:
                # Everything was told: 204 is how an EventSource learns not to come back.
                return Response(status_code=204)
            # A revision beyond the last never was, so it says nothing of what was seen.
            after = 0 if after > task.revision else after
        body = self._body(visitor, authorization, task_id, after)
        return sse.EventStream(body, give_back=self._hub.seat(visitor.user_id))

    async def _body(
        self, visitor: Visitor, authorization: str, task_id: str, after: int
    ) -> AsyncGenerator[bytes, None]:
        yield sse.hint(self._timing)
        current = visitor

        async def still_allowed() -> bool:
            nonlocal current
            try:
                current = await visitors.of_authorization(self._accounts, authorization)
            except errors.NotAuthenticated:
                return False
            return True

        beats = sse.Beats(self._timing, still_allowed)
        told, answered = -1, True
        while answered:
            answered = False
            try:
                async with (
                    self._tasks.watch_task(current, task_id, after) as messages,
                    contextlib.aclosing(sse.pull(messages, every=beats.every, closing=self._hub.closing)) as pulled,
                ):
                    async for message in pulled:
                        if not await beats.allowed():
                            return
                        if message is not None:
                            name = "progress" if message.task.revision == told else "task"
                            told = after = message.task.revision
                            answered = True
                            beats.spoke()
                            yield sse.event(name, present.task(message.task), event_id=told)
                        for each in beats.heartbeat():
                            yield each
            except errors.DaydreamError as error:
                answered = answered and await self._renewable(error, still_allowed)
            else:
                return

    @staticmethod
    async def _renewable(error: errors.DaydreamError, still_allowed: Callable[[], Awaitable[bool]]) -> bool:
        """Whether a watch that ended may be gone on with; else the line is cut, and the client comes back to go on."""
        try:
            if error.detail_reason in ledger.RENEW_REASONS:
                return await still_allowed()
        except errors.Unavailable as away:
            error = away
        log.warning("task stream broke off", reason=error.detail_reason)
        return False
