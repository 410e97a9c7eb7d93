"""Pictures that were made elsewhere, such as a plugin's results, put into their owner's timeline.

Each becomes a task that has ended and was never in the queue: nothing was held for it, so nothing is settled, and
nobody waits to be told that it ended. It is otherwise a task like any other, and its picture an image like any other.
"""

import datetime as dt
import enum
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

import shortuuid

from services.foundation import logs
from services.foundation.errors import FieldViolation, InvalidInput, RequestIdReused, Unavailable
from services.foundation.shielding import in_thread
from services.tasks.asking import parameters, texts
from services.tasks.asking.ingredients import Parameters
from services.tasks.errors import TooManyImports
from services.tasks.files import pictures
from services.tasks.files.intake import Intake
from services.tasks.ports import Announcer, stored
from services.tasks.values import NO_SEED, Image, NewTask, Task

log = logs.logger(__name__)
MAX_FROM_CHARS: Final = 64
RETRY_SECONDS: Final = 300.0


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a picture is."""

    request_id: str
    """Makes the import idempotent for its owner."""
    title: str
    """Stands where a prompt would."""
    imported_from: str
    """What made it."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a person may import within a while, and keep; without it the timeline would be free storage."""

    within: dt.timedelta = dt.timedelta(hours=1)
    """The while."""
    pictures: int = 200
    """Pictures in it."""
    bytes: int = 2**30
    """Bytes of those that were not deleted since."""
    pictures_kept: int = 5_000
    """Pictures that there are, however old."""
    bytes_kept: int = 5 * 2**30
    """Bytes of these."""


USUAL: Final = Bounds()


class Full(enum.Enum):
    """What lets a person import no more."""

    LATELY = "lately"
    """As much came within the while as may; later there is room again."""
    IN_ALL = "in all"
    """As much is kept as may be; there is room again when some is deleted."""


class Requests(Protocol):
    """Tasks by what asked for them; `store.tasks.Tasks` says what the call does."""

    async def find_request(self, user_id: str, request_id: str) -> Task | None: ...


class Rows(Protocol):
    """Imports as the ledger keeps them; `store.imports.Imports` says what each call does."""

    async def full(self, user_id: str, bounds: Bounds) -> Full | None: ...
    async def add(self, new: NewTask, image: Image, bounds: Bounds) -> Task | Full: ...


class Files(Protocol):
    """Image files."""

    async def keep(self, path: str, png: bytes) -> None:
        """Keep a picture and its thumbnails. Raises OSError."""
        ...

    async def remove(self, path: str) -> None:
        """Remove it with its thumbnails. Raises OSError."""
        ...


class Imports:
    """Takes pictures in."""

    def __init__(
        self,
        *,
        requests: Requests,
        rows: Rows,
        files: Files,
        intake: Intake,
        announcer: Announcer,
        bounds: Bounds = USUAL,
    ) -> None:
        """`announcer` hears of each task that came in; `bounds` are for each person."""
        self._requests = requests
        self._rows = rows
        self._files = files
        self._intake = intake
        self._announcer = announcer
        self._bounds = bounds

    async def take(self, user_id: str, session_id: str, parts: AsyncIterator[Header | bytes]) -> Task:
        """The task that holds the picture which arrives; the first one where it is sent again and is there still.

        Raises InvalidInput, PictureRefused, UploadStalled, RequestIdReused, TooManyImports and Unavailable; then
        nothing is kept.
        """
        header = await self._header(parts)
        data = await self._intake.gather(_pieces(parts))
        digest = _digest(header, data)
        before = await self._requests.find_request(user_id, header.request_id)
        if before is not None and not is_emptied(_same(before, digest)):
            return before
        if (full := await self._rows.full(user_id, self._bounds)) is not None:
            raise _too_many(full)
        task_id = shortuuid.uuid()
        image = await self._kept(f"{task_id[:2]}/{task_id}/0-0.png", data)
        new = NewTask(
            task_id=task_id,
            user_id=user_id,
            session_id=session_id,
            request_id=header.request_id,
            digest=digest,
            parameters=_described(header.title, image),
            price=0,
            imported_from=header.imported_from,
        )
        # From here on a crash leaves files that the sweep finds.
        task = await self._rows.add(new, image, self._bounds)
        if isinstance(task, Full) or task.task_id != task_id:
            await self._remove(image.path)
        if isinstance(task, Full):
            raise _too_many(task)
        if task.task_id == task_id:
            self._announcer.announce(stored(task))
        return _same(task, digest)

    async def _header(self, parts: AsyncIterator[Header | bytes]) -> Header:
        try:
            header = await self._intake.following(parts)
        except StopAsyncIteration:
            header = b""
        if not isinstance(header, Header):
            raise InvalidInput.of(FieldViolation(field="header", description="The header comes first."))
        parameters.check_request_id(header.request_id)
        wrong = (
            *texts.violations(
                "title", header.title, most=parameters.MAX_PROMPT_CHARS, empty="The picture needs a title."
            ),
            *texts.violations(
                "imported_from", header.imported_from, most=MAX_FROM_CHARS, empty="Say where the picture comes from."
            ),
        )
        if wrong:
            raise InvalidInput.of(*wrong)
        return header

    async def _kept(self, path: str, data: bytes) -> Image:
        # Held until the thumbnails are made too, which unpacks it once more.
        async with self._intake.unpacking:
            picture = await in_thread(lambda: pictures.plain(data, most_side=pictures.MOST_SIDE))
            try:
                await self._files.keep(path, picture.data)
            except OSError as error:
                log.exception("import not stored", path=path)
                wrong = "The picture cannot be stored just now; the disk may be full."
                raise Unavailable(wrong, retry_after=5) from error
        return Image(
            image_id=shortuuid.uuid(),
            index=0,
            path=path,
            seed=NO_SEED,
            width=picture.width,
            height=picture.height,
            bytes=len(picture.data),
            sha256=hashlib.sha256(picture.data).hexdigest(),
            created=dt.datetime.now(dt.UTC),
        )

    async def _remove(self, path: str) -> None:
        try:
            await self._files.remove(path)
        except OSError as error:
            log.warning("files of an import that was not kept stay until the sweep", path=path, error=repr(error))


def is_emptied(task: Task) -> bool:
    """Whether it is an import whose picture was deleted since: the same may then come again, as another task."""
    return bool(task.imported_from and task.deleted)


def _too_many(full: Full) -> TooManyImports:
    if full is Full.LATELY:
        return TooManyImports(retry_after=RETRY_SECONDS)
    return TooManyImports("You keep as many imported pictures as one person may; delete some to make room.")


async def _pieces(parts: AsyncIterator[Header | bytes]) -> AsyncGenerator[bytes, None]:
    async for part in parts:
        if isinstance(part, Header):
            raise InvalidInput.of(FieldViolation(field="header", description="The header comes once, at first."))
        yield part


def _same(task: Task, digest: str) -> Task:
    if task.digest != digest:
        raise RequestIdReused
    return task


def _digest(header: Header, data: bytes) -> str:
    said = {"title": header.title, "imported_from": header.imported_from, "sha256": hashlib.sha256(data).hexdigest()}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _described(title: str, image: Image) -> Parameters:
    return Parameters(
        prompt=title,
        negative_prompt="",
        model="",
        sampler="",
        steps=0,
        guidance=0.0,
        width=image.width,
        height=image.height,
        seed=None,
        samples=1,
    )
