"""The ledger service as tests use it: one replica in this process with a fake auth and fake workers on real ports."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import migrations
from services.foundation.rpc import client
from services.tasks.__main__ import MIGRATIONS
from services.tasks.bootstrap import Service
from services.tasks.settings import Settings
from services.tasks.workers import roster
from services.tasks.workers.roster import Lookup
from tests.support import identity, ports
from tests.support.fake_auth import FakeAuth
from tests.support.fake_worker import FakeWorker
from tests.support.patience import CALL_SECONDS

T = TypeVar("T")
_REQUEST_IDS = itertools.count(1)
ENDED = {
    tasks_pb2.TaskState.TASK_STATE_SUCCEEDED,
    tasks_pb2.TaskState.TASK_STATE_FAILED,
    tasks_pb2.TaskState.TASK_STATE_CANCELLED,
}


def address() -> str:
    """A free address on loopback."""
    return f"127.0.0.1:{ports.free_port()}"


async def until(look: Callable[[], Awaitable[T]], *, seconds: float = 60) -> T:
    """What `look` gives once it gives something; raises TimeoutError when it never does."""
    async with asyncio.timeout(seconds):
        # A pause between looks at a condition elsewhere, which no event of ours could tell.
        while not (found := await look()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def until_it_hears(service: Service) -> None:
    """Return once a replica is subscribed at NATS: what is told before, it is not told again."""

    async def look() -> bool:
        nats = service._bus._client
        if nats is None or not nats.is_connected:
            return False
        # A subscription is sent and not answered; whoever answers this has taken what was sent before.
        await nats.flush(timeout=30)
        return True

    await until(look)


class Person:
    """Somebody with a token, calling one replica."""

    def __init__(self, target: str, name: str, *, session_id: str = "session-1", reference: str = "") -> None:
        """Connects at the first call. With a `reference`, the plugin host in their name."""
        self.name = name
        self.channel = client.channel(target, seconds=CALL_SECONDS)
        self.stub = tasks_pb2_grpc.TaskServiceStub(self.channel)
        self.metadata = client.bearer(
            identity.mint_delegated(name, reference, session_id=session_id)
            if reference
            else identity.mint(name, session_id=session_id)
        )

    async def submit(
        self, prompt: str = "a red circle", *, request_id: str = "", from_studio: bool = False, **asked: Any
    ) -> tasks_pb2.Task:
        """Submit a task."""
        request = tasks_pb2.SubmitTaskRequest(
            request_id=request_id or f"request-{next(_REQUEST_IDS)}",
            parameters=tasks_pb2.Parameters(prompt=prompt, **asked),
            from_studio=from_studio,
        )
        with client.translated():
            return (await self.stub.SubmitTask(request, metadata=self.metadata)).task

    async def get(self, task_id: str) -> tasks_pb2.Task:
        """Read a task."""
        with client.translated():
            return (await self.stub.GetTask(tasks_pb2.GetTaskRequest(task_id=task_id), metadata=self.metadata)).task

    async def list(self, **asked: Any) -> tasks_pb2.ListTasksResponse:
        """List tasks."""
        with client.translated():
            return await self.stub.ListTasks(tasks_pb2.ListTasksRequest(**asked), metadata=self.metadata)

    async def cancel(self, task_id: str) -> tasks_pb2.Task:
        """Cancel a task."""
        with client.translated():
            answer = await self.stub.CancelTask(tasks_pb2.CancelTaskRequest(task_id=task_id), metadata=self.metadata)
        return answer.task

    async def ended(self, task_id: str, *, seconds: float = 60) -> tasks_pb2.Task:
        """The task once it has ended and its hold is settled."""

        async def look() -> tasks_pb2.Task | None:
            task = await self.get(task_id)
            return task if task.state in ENDED and task.HasField("settled_time") else None

        found = await until(look, seconds=seconds)
        assert found is not None
        return found

    async def in_state(self, task_id: str, state: "tasks_pb2.TaskState.ValueType") -> tasks_pb2.Task:
        """The task once it is in a state."""

        async def look() -> tasks_pb2.Task | None:
            task = await self.get(task_id)
            return task if task.state == state else None

        found = await until(look)
        assert found is not None
        return found

    async def images_there(self, task_id: str, number: int) -> None:
        """Return once a task has so many images."""

        async def look() -> bool:
            return len((await self.get(task_id)).images) >= number

        await until(look)

    def watch(self, task_id: str, after_revision: int = 0) -> AsyncIterator[tasks_pb2.WatchTaskResponse]:
        """Follow a task."""
        request = tasks_pb2.WatchTaskRequest(task_id=task_id, after_revision=after_revision)
        return client.translated_stream(self.stub.WatchTask(request, metadata=self.metadata))

    def watch_session(
        self, session_id: str = "", after_revision: int = 0, *, present: bool = False
    ) -> AsyncIterator[tasks_pb2.WatchSessionResponse]:
        """Follow a session."""
        request = tasks_pb2.WatchSessionRequest(session_id=session_id, after_revision=after_revision, present=present)
        return client.translated_stream(self.stub.WatchSession(request, metadata=self.metadata))

    async def download(
        self, image_id: str, size: "tasks_pb2.ImageSize.ValueType" = tasks_pb2.ImageSize.IMAGE_SIZE_ORIGINAL
    ) -> tuple[tasks_pb2.Image, bytes]:
        """Read an image file."""
        request = tasks_pb2.DownloadImageRequest(image_id=image_id, size=size)
        answers = client.translated_stream(self.stub.DownloadImage(request, metadata=self.metadata))
        parts = [answer async for answer in answers]
        return parts[0].image, b"".join(part.data for part in parts[1:])

    async def delete(self, image_id: str) -> tasks_pb2.Task:
        """Delete an image; its task."""
        request = tasks_pb2.DeleteImageRequest(image_id=image_id)
        with client.translated():
            return (await self.stub.DeleteImage(request, metadata=self.metadata)).task

    async def archive(self, *image_ids: str, session_id: str = "") -> tuple[tasks_pb2.Archive, Sequence[bytes]]:
        """Read images as a ZIP file: what it holds, and its pieces."""
        request = tasks_pb2.DownloadArchiveRequest(image_ids=image_ids, session_id=session_id)
        answers = client.translated_stream(self.stub.DownloadArchive(request, metadata=self.metadata))
        parts = [answer async for answer in answers]
        return parts[0].archive, [part.data for part in parts[1:]]

    async def upload(self, data: bytes, *, piece: int = 100_000) -> tasks_pb2.Upload:
        """Send a picture."""
        pieces = [data[start : start + piece] for start in range(0, len(data), piece)]
        requests = (tasks_pb2.UploadImageRequest(data=each) for each in pieces)
        with client.translated():
            return (await self.stub.UploadImage(requests, metadata=self.metadata)).upload

    async def bring(
        self, data: bytes, *, title: str = "a small picture", request_id: str = "", imported_from: str = "image-resize"
    ) -> tasks_pb2.Task:
        """Put a picture into the timeline; its task."""
        header = tasks_pb2.ImportHeader(
            request_id=request_id or f"request-{next(_REQUEST_IDS)}", title=title, imported_from=imported_from
        )
        pieces = [data[start : start + 100_000] for start in range(0, len(data), 100_000)]
        requests = [
            tasks_pb2.ImportImageRequest(header=header),
            *(tasks_pb2.ImportImageRequest(data=piece) for piece in pieces),
        ]
        with client.translated():
            return (await self.stub.ImportImage(iter(requests), metadata=self.metadata)).task

    async def link(self, image_id: str) -> str:
        """The secret of a new link to an image."""
        request = tasks_pb2.CreateImageLinkRequest(image_id=image_id)
        with client.translated():
            return (await self.stub.CreateImageLink(request, metadata=self.metadata)).link_secret

    async def follow_link(self, secret: str) -> bytes:
        """What the gateway is given for a link."""
        request = tasks_pb2.DownloadLinkedImageRequest(link_secret=secret)
        answers = self.stub.DownloadLinkedImage(request, metadata=client.bearer(identity.mint_service("web")))
        return b"".join([answer.data async for answer in client.translated_stream(answers)])


class Studio:
    """A replica, its fakes, and the people who use it."""

    def __init__(
        self,
        *,
        database_url: str,
        folder: Path,
        nats_url: str,
        workers: Sequence[FakeWorker],
        auth: FakeAuth | None = None,
        images_url: str = "",
        queue_limit: int = 100,
        queue_limit_per_user: int = 100,
        look_up: Lookup = roster.look_up,
        gpu_targets: str = "",
        lease_seconds: float = 5.0,
        presence_seconds: float = 30.0,
        drain_seconds: float = 5.0,
    ) -> None:
        """Nothing runs yet."""
        self.auth = auth or FakeAuth(address())
        self.workers = workers
        self._look_up = look_up
        self.settings = Settings(
            bind=address(),
            database_url=database_url,
            images_url=images_url or str(folder / "images"),
            service_secret="secret",
            queue_limit=queue_limit,
            queue_limit_per_user=queue_limit_per_user,
            lease_seconds=lease_seconds,
            presence_seconds=presence_seconds,
            drain_seconds=drain_seconds,
            auth_target=self.auth.address,
            gpu_targets=gpu_targets or ",".join(worker.address for worker in workers),
            nats_url=nats_url,
        )
        self.service: Service | None = None
        self._people: list[Person] = []

    def environment(self) -> dict[str, str]:
        """The same settings for a replica in a process of its own."""
        given = self.settings
        return {
            "TASKS_BIND": given.bind,
            "TASKS_DATABASE_URL": given.database,
            "TASKS_IMAGES_URL": given.images_url,
            "TASKS_SERVICE_SECRET": given.service_secret,
            "TASKS_QUEUE_LIMIT": str(given.queue_limit),
            "TASKS_QUEUE_LIMIT_PER_USER": str(given.queue_limit_per_user),
            "TASKS_LEASE_SECONDS": str(given.lease_seconds),
            "TASKS_PRESENCE_SECONDS": str(given.presence_seconds),
            "DAYDREAM_DRAIN_SECONDS": str(given.drain_seconds),
            "AUTH_TARGET": given.auth_target,
            "GPU_TARGETS": given.gpu_targets,
            "NATS_URL": given.nats_url,
        }

    async def start(self) -> None:
        """Start the replica; its fakes are started by who made them."""
        self.service = Service(self.settings, look_up=self._look_up)
        await self.service.start()

    async def migrate(self) -> None:
        """Bring the database to the newest schema."""
        await migrations.upgrade(self.settings.database, MIGRATIONS)

    def person(self, name: str = "ada", *, session_id: str = "session-1", reference: str = "") -> Person:
        """Somebody who calls this replica; with a `reference`, the plugin host in their name."""
        person = Person(self.settings.bind, name, session_id=session_id, reference=reference)
        self._people.append(person)
        return person

    async def worker_seen(self) -> None:
        """Return once the replica knows a worker that answers."""
        person = self.person("looker")

        async def look() -> bool:
            try:
                with client.translated():
                    answer = await person.stub.GetCapabilities(
                        tasks_pb2.GetCapabilitiesRequest(), metadata=person.metadata
                    )
            except Exception:
                return False
            return answer.workers > 0

        await until(look)

    async def hears(self) -> None:
        """Return once the replica hears what is told at NATS."""
        assert self.service is not None
        await until_it_hears(self.service)

    async def stop(self) -> None:
        """Stop the replica as SIGTERM would."""
        for person in self._people:
            await person.channel.close()
        self._people.clear()
        if self.service is not None:
            await self.service.stop()
            self.service = None


@asynccontextmanager
async def running(studio: Studio) -> AsyncIterator[Studio]:
    """The replica with all its fakes, started and stopped."""
    await studio.migrate()
    await studio.auth.start()
    for worker in studio.workers:
        await worker.start()
    await studio.start()
    try:
        await studio.worker_seen()
        yield studio
    finally:
        for worker in studio.workers:
            for call in worker.calls:
                call.released.set()
        await studio.stop()
        for worker in studio.workers:
            await worker.stop()
        await studio.auth.stop()
