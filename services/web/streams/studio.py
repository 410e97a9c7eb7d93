"""The studio page's stream: every task of the session, live, resumable by revision."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator

from daydream.tasks.v1 import tasks_pb2
from starlette.requests import Request
from starlette.responses import Response

from services.foundation import errors, logs
from services.web import present, visitors
from services.web.backends import ledger
from services.web.backends.accounts import Accounts, Visitor
from services.web.backends.ledger import Tasks
from services.web.streams import sse

log = logs.logger(__name__)


class StudioEvents:
    """`GET /events`: `tasks` carries tasks whose stored state changed, `progress` what moves in between.

    `away` says that tasks does not answer for the moment, `end` that the session is over.
    """

    def __init__(self, accounts: Accounts, tasks: Tasks, hub: sse.Hub, timing: sse.Timing) -> None:
        """What it stands on."""
        self._accounts, self._tasks, self._hub, self._timing = accounts, tasks, hub, timing

    async def answer(self, request: Request) -> Response:
        """Open the stream. Raises SignInFirst, TooManyStreams."""
        cookies = request.headers.get("cookie", "")
        visitor = await visitors.of_cookies(self._accounts, cookies)
        if visitor is None:
            raise visitors.SignInFirst
        if request.method == "HEAD":
            return Response(media_type=sse.MEDIA_TYPE)
        everything = request.query_params.get("scope") == "all"
        body = self._body(visitor, cookies, "" if everything else visitor.session_id, sse.resume_from(request))
        return sse.EventStream(body, give_back=self._hub.seat(visitor.user_id))

    async def _body(self, visitor: Visitor, cookies: str, session_id: str, after: int) -> AsyncGenerator[bytes, None]:
        yield sse.hint(self._timing)
        follow = _Follow(after)
        current = visitor

        async def still_signed_in() -> bool:
            nonlocal current
            found = await visitors.of_cookies(self._accounts, cookies)
            current = found or current
            return found is not None

        beats = sse.Beats(self._timing, still_signed_in)
        back_off = self._timing.first_back_off
        while not self._hub.closing.is_set():
            broken: errors.DaydreamError | None = None
            try:
                async with contextlib.aclosing(self._told(current, session_id, follow, beats)) as events:
                    async for each in events:
                        yield each
            except visitors.SignInFirst:
                yield _end()
                return
            except errors.DaydreamError as error:
                broken = error
            if self._hub.closing.is_set():
                return
            if follow.start_over():
                continue
            back_off = self._timing.first_back_off if follow.answered else back_off
            # One that answered and then ran out is gone on with at once, and the page need not know.
            if not (follow.answered and broken is not None and broken.detail_reason in ledger.RENEW_REASONS):
                if broken is not None:
                    log.warning("studio stream broke off", reason=broken.detail_reason)
                    yield sse.event("away", {"reason": broken.detail_reason, "detail": broken.message})
                follow.say_hello()
                await self._pause(back_off)
                back_off = min(back_off * 2, self._timing.last_back_off)
            # The next one needs an identity that is still believed; while auth is away, the last one it gave may be.
            with contextlib.suppress(errors.Unavailable):
                if not await still_signed_in():
                    yield _end()
                    return

    async def _told(
        self, visitor: Visitor, session_id: str, follow: "_Follow", beats: sse.Beats
    ) -> AsyncGenerator[bytes, None]:
        """The events of one watch. Raises SignInFirst when the session is over, and what the watch ends with."""
        follow.open()
        async with (
            self._tasks.watch_session(visitor, session_id, follow.revision) as messages,
            contextlib.aclosing(sse.pull(messages, every=beats.every, closing=self._hub.closing)) as pulled,
        ):
            async for message in pulled:
                if not await beats.allowed():
                    raise visitors.SignInFirst
                if message is not None:
                    for each in follow.told(message):
                        beats.spoke()
                        yield each
                for each in beats.heartbeat():
                    yield each
                if follow.ahead_of_server:
                    return

    async def _pause(self, seconds: float) -> None:
        # Not all at once: a tasks that comes back must not be run down by every page that waited for it.
        try:
            await asyncio.wait_for(self._hub.closing.wait(), seconds * random.uniform(0.75, 1.25))  # noqa: S311
        except TimeoutError:
            return


def _end() -> bytes:
    return sse.event("end", {"reason": "SESSION_ENDED"})


class _Follow:
    """What this stream has told so far: which is how a stored change is told from mere progress."""

    def __init__(self, after: int) -> None:
        self.revision = after
        self.ahead_of_server = False
        self.answered = False
        self._hello = True
        self._told: dict[str, int] = {}

    def open(self) -> None:
        """Another stream begins, from `revision` on."""
        self.answered = False

    def say_hello(self) -> None:
        """Tell the next answer even when it is empty: the page learns from it that the line is open."""
        self._hello = True

    def told(self, message: tasks_pb2.WatchSessionResponse) -> list[bytes]:
        """The events a message becomes."""
        first, self.answered = not self.answered, True
        if first and message.revision < self.revision:
            # The browser names a revision that never was: start over with everything.
            self.ahead_of_server = True
            return []
        changed, moved = [], []
        for task in message.tasks:
            if self._told.get(task.task_id) == task.revision:
                moved.append(present.page_progress(task))
            else:
                changed.append(present.page_task(task))
                if task.state not in present.ENDED and task.progress.preview:
                    moved.append(present.page_progress(task))
                self._told[task.task_id] = task.revision
        self.revision = max(self.revision, message.revision)
        events = []
        if changed or self._hello:
            events.append(sse.event("tasks", {"tasks": changed}, event_id=self.revision))
        if moved:
            events.append(sse.event("progress", {"tasks": moved}, event_id=self.revision))
        self._hello = False
        return events

    def start_over(self) -> bool:
        """Forget a revision that never was; whether there was one to forget."""
        if not self.ahead_of_server:
            return False
        self.revision, self.ahead_of_server, self._hello = 0, False, True
        return True
