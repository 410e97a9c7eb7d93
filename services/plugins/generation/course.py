"""One drawing, from wherever it stands to its end: asked of the ledger, followed, stored, and cleared away.

Every step is written down before or after it in such a way that another process may begin again from there: requests to
the ledger have ids, an upload that is not noted is made again, results and end are one transaction.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors, logs
from services.foundation.outbox import back_off
from services.plugins.generation.models import Stage
from services.plugins.generation.patience import Patience
from services.plugins.generation.ports import Grants, Ledger
from services.plugins.generation.store import Drawings
from services.plugins.generation.tally import Tally
from services.plugins.generation.threads import Threads
from services.plugins.generation.values import CannotGoOn, Drawn, Held, Part, Standing

log = logs.logger(__name__)
AT_ONCE: Final = 8
"""Parts of one drawing that the ledger has at once: the rest of the person's queue is theirs."""
SILENCE_SECONDS: Final = 30.0
"""A watch that says nothing for so long is opened anew, which reads how the task is."""
AGAIN_SECONDS: Final = 1.0
"""Before a watch that ended without the task is opened anew."""
TELL_SECONDS: Final = 1.0
"""Between two writes of the progress."""
CANCELLED: Final = "It was cancelled in the studio."
NOT_TAKEN: Final = "The studio cannot take these parameters."
DELETED: Final = "What was drawn has been deleted in the studio."
Store = Callable[[Held, Sequence[Drawn]], None]
_ENDED: Final = frozenset({tasks_pb2.TASK_STATE_SUCCEEDED, tasks_pb2.TASK_STATE_FAILED, tasks_pb2.TASK_STATE_CANCELLED})


class Course:
    """Runs until nothing is left to be done; whoever cancels it leaves the rest to another process."""

    def __init__(
        self, held: Held, *, drawings: Drawings, store: Store, ledger: Ledger, grants: Grants, threads: Threads,
        pause: float = 1.0,
    ) -> None:  # fmt: skip
        """`store` ends it well, in a thread; `pause` stretches the waits between two tries."""
        self._held, self._drawings, self._store, self._threads = held, drawings, store, threads
        self._ledger, self._grants, self._pause = ledger, grants, pause
        self._patience = Patience(grants, held.delegation, say=self._say, pause=pause)
        self._tally = Tally(len(held.parts))
        self._standing = Standing(stage=held.stage, start_file=held.start_file, news=0, over=False)
        self._fetched, self._over = asyncio.Event(), asyncio.Event()
        self._watches: set[asyncio.Timeout] = set()
        self._upload = held.upload
        self._ids = {part.number: part.ledger_task for part in held.parts if part.asked}
        self._is_new = not self._ids
        self._ended: dict[int, tasks_pb2.Task] = {}

    def see(self, standing: Standing) -> None:
        """How the drawing is, as the database says now and then."""
        if standing.news != self._standing.news:
            for watch in self._watches:
                if not watch.expired():
                    watch.reschedule(asyncio.get_running_loop().time())
        self._standing = standing
        if standing.start_file is not None and standing.stage != Stage.FETCHING:
            self._fetched.set()
        if standing.over:
            self._over.set()

    async def run(self) -> None:
        """To the end of it, or until another process follows it."""
        if self._held.stage != Stage.ENDED and not self._over.is_set():
            await self._until_over()
        # Held up for longer than its lease, it has ended nothing.
        if await self._threads.run(lambda: self._drawings.is_settled(self._held.task_id)):
            await self._clear_away()

    async def _until_over(self) -> None:
        work, over = asyncio.create_task(self._work()), asyncio.create_task(self._over.wait())
        try:
            await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
            if not work.done():
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work
        if not work.cancelled():
            work.result()

    async def _work(self) -> None:
        try:
            await self._bring_start_image()
            await self._draw()
            with tempfile.TemporaryDirectory(prefix="daydream-drawing-") as folder:
                pictures = await self._fetch(Path(folder))
                await self._threads.run(lambda: self._store(self._held, pictures))
        except CannotGoOn as error:
            sentence = str(error)
            await self._threads.run(lambda: self._drawings.fail(self._held.task_id, sentence))

    async def _bring_start_image(self) -> None:
        if self._held.stage == Stage.FETCHING:
            await self._threads.run(lambda: self._drawings.fetch(self._held.task_id))
            await self._fetched.wait()
        file_id = self._held.start_file or self._standing.start_file
        if self._upload is not None or file_id is None:
            return

        async def bring(token: str) -> str:
            picture = await self._threads.run(lambda: self._drawings.start_image(file_id))
            if picture is None:
                raise CannotGoOn("The picture to begin from is not there any more.")
            with picture:
                return await self._ledger.upload(token, picture)

        upload = await self._patience.call(bring)
        self._upload = await self._threads.run(lambda: self._drawings.uploaded(self._held.task_id, upload))

    async def _draw(self) -> None:
        """Every part, some at once; the first that comes to a bad end ends all."""
        places = asyncio.Semaphore(AT_ONCE)
        telling = asyncio.create_task(self._tell_progress())
        parts = [asyncio.create_task(self._part(part, places)) for part in self._held.parts]
        try:
            await asyncio.gather(*parts)
        finally:
            for each in (telling, *parts):
                each.cancel()
            await asyncio.gather(telling, *parts, return_exceptions=True)

    async def _part(self, part: Part, places: asyncio.Semaphore) -> None:
        async with places:
            try:
                task_id = self._ids.get(part.number) or await self._submitted(part)
                task = await self._followed(part.number, task_id)
            except CannotGoOn as error:
                raise CannotGoOn(self._of(part, str(error))) from error
            if task.state == tasks_pb2.TASK_STATE_FAILED:
                raise CannotGoOn(self._of(part, task.error.message or "It could not be drawn."))
            if task.state == tasks_pb2.TASK_STATE_CANCELLED:
                raise CannotGoOn(self._of(part, CANCELLED))
            self._ended[part.number] = task

    async def _submitted(self, part: Part) -> str:
        """The ledger's id of a part, which is noted before and after it is asked for."""
        held, number = self._held.task_id, part.number
        # A refused one left no trace, unless an earlier try was accepted and its answer lost.
        may_be_there = number in self._ids

        async def submit(token: str) -> str:
            nonlocal may_be_there
            try:
                return await self._submit(token, part)
            except (errors.Unavailable, errors.Unexpected):
                may_be_there = True
                raise

        await self._threads.run(lambda: self._drawings.asked(held, number))
        self._ids.setdefault(number, None)
        try:
            task_id = await self._patience.call(submit)
        except CannotGoOn:
            if not may_be_there:
                del self._ids[number]
            raise
        self._ids[number] = task_id
        await self._threads.run(lambda: self._drawings.submitted(held, number, task_id))
        return task_id

    async def _submit(self, token: str, part: Part) -> str:
        begin = {} if self._upload is None else {"start_image": tasks_pb2.StartImage(upload_id=self._upload)}
        request_id = self._held.reference if len(self._held.parts) == 1 else f"{self._held.reference}:{part.number}"
        try:
            return (await self._ledger.submit(token, request_id, {**part.parameters, **begin})).task_id
        except (TypeError, ValueError) as error:
            # Their values are a person's, and not logged.
            log.warning("parameters that cannot be sent", kind=type(error).__name__)
            raise CannotGoOn(NOT_TAKEN) from error

    async def _followed(self, number: int, task_id: str) -> tasks_pb2.Task:
        """The ledger's task once it has ended."""
        seen = 0

        async def watch(token: str) -> tasks_pb2.Task | None:
            nonlocal seen
            try:
                async with (
                    asyncio.timeout(SILENCE_SECONDS) as silence,
                    self._ledger.watch(token, task_id, seen) as tasks,
                ):
                    with self._heard_of(silence):
                        async for task in tasks:
                            seen = task.revision
                            await self._saw(number, task)
                            if task.state in _ENDED:
                                return task
                            silence.reschedule(asyncio.get_running_loop().time() + SILENCE_SECONDS)
            except TimeoutError:
                # Silent for long, or an event says that there is news: its whole state is what it tells first.
                seen = 0
            except errors.NotAuthenticated as error:
                # A stream lasts no longer than the token that it was opened with.
                if error.detail_reason != "TOKEN_EXPIRED":
                    raise
                self._patience.renew()
            return None

        while True:
            task = await self._patience.call(watch)
            if task is not None:
                return task
            await asyncio.sleep(AGAIN_SECONDS * self._pause)

    async def _saw(self, number: int, task: tasks_pb2.Task) -> None:
        self._tally.saw(number, task.progress.step, task.progress.steps, ended=task.state in _ENDED)
        if self._is_new:
            self._is_new = False
            waits = task.state == tasks_pb2.TASK_STATE_QUEUED and task.progress.position
            await self._say(f"In line, at place {task.progress.position}." if waits else "The studio has begun.")

    async def _tell_progress(self) -> None:
        told = (0, 0)
        while True:
            if (now := self._tally.now()) != told and now[1]:
                told = now
                await self._threads.run(lambda: self._drawings.progress(self._held.task_id, *now))
            await asyncio.sleep(TELL_SECONDS * self._pause)

    async def _fetch(self, folder: Path) -> Sequence[Drawn]:
        pictures: list[Drawn] = []
        for _, task in sorted(self._ended.items()):
            for image in task.images:
                file = folder / str(len(pictures))
                # A picture that its owner has deleted meanwhile is left out.
                if await self._patience.call(partial(self._download, image.image_id, file)):
                    pictures.append(Drawn(file=file, prompt=task.parameters.prompt, seed=image.seed))
        if not pictures:
            raise CannotGoOn(DELETED)
        return pictures

    async def _download(self, image_id: str, to: Path, token: str) -> bool:
        try:
            await self._ledger.download(token, image_id, to)
        except errors.NotFound:
            return False
        return True

    async def _clear_away(self) -> None:
        """Tell of the end, stop what still runs at the ledger, give the right back, and forget it all."""
        await self._threads.run(lambda: self._drawings.tell(self._held.task_id))
        for part in self._held.parts:
            if part.number in self._ids and part.number not in self._ended:
                try:
                    await self._patience.call(partial(self._stop, part))
                except CannotGoOn as error:
                    log.warning("a picture could not be stopped", number=part.number, why=str(error))
        await self._end_delegation()
        await self._threads.run(lambda: self._drawings.forget(self._held.task_id))

    async def _stop(self, part: Part, token: str) -> None:
        # Refused now, it was not accepted before either; and one that is not there need not be stopped.
        with contextlib.suppress(errors.InvalidInput, errors.NotPossibleNow, errors.TooMuch, errors.NotFound):
            await self._ledger.cancel(token, self._ids[part.number] or await self._submit(token, part))

    async def _end_delegation(self) -> None:
        attempts = 0
        while True:
            try:
                await self._grants.end_delegation(self._held.delegation)
            except errors.Unavailable:
                attempts += 1
                await asyncio.sleep(back_off(attempts) * self._pause)
            except errors.DaydreamError as error:
                # It ends by itself within a day.
                log.warning("a delegation could not be ended", reason=error.detail_reason)
                return
            else:
                return

    def _of(self, part: Part, sentence: str) -> str:
        count = len(self._held.parts)
        return sentence if count == 1 else f"Prompt {part.number + 1} of {count}: {sentence}"

    async def _say(self, sentence: str) -> None:
        await self._threads.run(lambda: self._drawings.say(self._held.task_id, sentence))

    @contextlib.contextmanager
    def _heard_of(self, watch: asyncio.Timeout) -> Iterator[None]:
        """Let news end this watch while the block lasts."""
        self._watches.add(watch)
        try:
            yield
        finally:
            self._watches.discard(watch)
