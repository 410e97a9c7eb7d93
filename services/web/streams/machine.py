"""The live line of the pages for staff: the queue and the workers, as they change."""

import asyncio
import contextlib
import datetime as dt
import random
from collections.abc import AsyncGenerator, Callable
from typing import Any

from daydream.tasks.v1 import admin_pb2
from starlette.requests import Request
from starlette.responses import Response

from services.foundation import errors, logs
from services.web import machinery, visitors
from services.web.backends import ledger
from services.web.backends.accounts import Accounts, Visitor
from services.web.backends.machine import Machine
from services.web.backends.names import Names
from services.web.streams import sse

log = logs.logger(__name__)

Render = Callable[..., str]
"""(name of a template, its values by name) → HTML. Of parts only, which need no request."""


class NoMoreStaff(errors.NotAllowed):
    """This page is for the people who run this server."""


class MachineEvents:
    """`GET /admin/events`: `machine` carries rows of the queue that changed and the workers when one of them did.

    The first one after every opening says `full`: what it does not name is there no more. `away` says that tasks does
    not answer for the moment, `end` that the visitor is not signed in any more, or no staff.
    """

    def __init__(
        self,
        accounts: Accounts,
        machine: Machine,
        names: Names,
        hub: sse.Hub,
        timing: sse.Timing,
        *,
        render: Render,
    ) -> None:
        """What it stands on."""
        self._accounts, self._machine, self._names = accounts, machine, names
        self._hub, self._timing, self._render = hub, timing, render

    async def answer(self, request: Request) -> Response:
        """Open the stream. Raises SignInFirst, NoMoreStaff, TooManyStreams."""
        cookies = request.headers.get("cookie", "")
        visitor = await self._staff(cookies)
        if request.method == "HEAD":
            return Response(media_type=sse.MEDIA_TYPE)
        return sse.EventStream(self._body(visitor, cookies), give_back=self._hub.seat(visitor.user_id))

    async def _staff(self, cookies: str) -> Visitor:
        """Who asks. Raises SignInFirst and NoMoreStaff."""
        visitor = await visitors.of_cookies(self._accounts, cookies)
        if visitor is None:
            raise visitors.SignInFirst
        if not visitor.staff:
            raise NoMoreStaff
        return visitor

    async def _body(self, visitor: Visitor, cookies: str) -> AsyncGenerator[bytes, None]:
        yield sse.hint(self._timing)
        current = visitor
        told = _Told(self._names, self._render)

        async def still_staff() -> bool:
            nonlocal current
            try:
                current = await self._staff(cookies)
            except (visitors.SignInFirst, NoMoreStaff):
                return False
            return True

        beats = sse.Beats(self._timing, still_staff)
        back_off = self._timing.first_back_off
        while not self._hub.closing.is_set():
            broken: errors.DaydreamError | None = None
            told.begin()
            try:
                async with contextlib.aclosing(self._events(current, told, beats)) as events:
                    async for each in events:
                        yield each
            except visitors.SignInFirst:
                yield _end()
                return
            except errors.DaydreamError as error:
                broken = error
            if self._hub.closing.is_set():
                return
            back_off = self._timing.first_back_off if told.answered else back_off
            # One that answered and then ran out is gone on with at once, and the page need not know.
            if not (told.answered and broken is not None and broken.detail_reason in ledger.RENEW_REASONS):
                if broken is not None:
                    log.warning("machine stream broke off", reason=broken.detail_reason)
                    yield sse.event("away", {"reason": broken.detail_reason, "detail": broken.message})
                await self._pause(back_off)
                back_off = min(back_off * 2, self._timing.last_back_off)
            with contextlib.suppress(errors.Unavailable):
                if not await still_staff():
                    yield _end()
                    return

    async def _events(self, visitor: Visitor, told: "_Told", beats: sse.Beats) -> AsyncGenerator[bytes, None]:
        """The events of one watch. Raises SignInFirst for who is no staff any more, and what the watch ends with."""
        async with (
            self._machine.watch(visitor) as messages,
            contextlib.aclosing(sse.pull(messages, every=beats.every, closing=self._hub.closing)) as pulled,
        ):
            async for message in pulled:
                if not await beats.allowed():
                    raise visitors.SignInFirst
                if message is not None:
                    beats.spoke()
                    yield sse.event("machine", await told.news(visitor, message))
                for each in beats.heartbeat():
                    yield each

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._hub.closing.wait(), seconds * random.uniform(0.75, 1.25))  # noqa: S311
        except TimeoutError:
            return


def _end() -> bytes:
    return sse.event("end", {"reason": "SESSION_ENDED"})


class _Told:
    """What becomes of the messages of one stream; it remembers whose names it has asked for."""

    def __init__(self, names: Names, render: Render) -> None:
        self._names, self._render = names, render
        self._known: dict[str, str] = {}
        self.answered = False

    def begin(self) -> None:
        """Another watch begins."""
        self.answered = False

    async def news(self, visitor: Visitor, message: admin_pb2.WatchMachineResponse) -> dict[str, Any]:
        """A message as the page gets it."""
        full, self.answered = not self.answered, True
        unknown = {each.user_id for each in message.tasks} - self._known.keys()
        if unknown:
            # Who could not be read is asked for again with the next message.
            self._known |= await self._names.of(visitor, unknown)
        rows = [machinery.row(each, self._known) for each in message.tasks]
        return {
            "full": full,
            "rows": [
                {"id": each["id"], "at": each["at"], "html": self._render("admin/_job.html", job=each)} for each in rows
            ],
            "gone": list(message.gone_task_ids),
            "counts": machinery.in_line(message.queued, message.running),
            "total": message.queued + message.running,
            **self._workers(message, full=full),
        }

    def _workers(self, message: admin_pb2.WatchMachineResponse, *, full: bool) -> dict[str, Any]:
        if not (message.workers or full):
            return {}
        now = dt.datetime.now(dt.UTC)
        workers = [machinery.worker(each, now) for each in message.workers]
        return {
            "ready": machinery.ready(message.workers),
            "workers": self._render("admin/_workers.html", workers=workers),
        }
