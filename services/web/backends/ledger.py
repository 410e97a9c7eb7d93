"""tasks behind the gateway: the ledger of generations."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Final

import grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from grpc_health.v1 import health_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor
from services.web.backends.health import serving

ENDED: Final = frozenset({tasks_pb2.TASK_STATE_SUCCEEDED, tasks_pb2.TASK_STATE_FAILED, tasks_pb2.TASK_STATE_CANCELLED})
CANCEL_SECONDS: Final = 2.0
# How tasks says that a watch has lasted for as long as the visitor was known to be who they are: look again, and open
# another where it ended.
RENEW_REASONS: Final = frozenset({"TOKEN_EXPIRED", "SESSION_ENDED"})


class Tasks:
    """tasks: the ledger of generations."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Every call is made in the visitor's name."""
        self._tasks = tasks_pb2_grpc.TaskServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)

    async def submit(
        self, visitor: Visitor, request_id: str, parameters: tasks_pb2.Parameters, *, from_studio: bool = False
    ) -> tasks_pb2.Task:
        """Queue a task; one `from_studio` may be cancelled when the visitor leaves.

        Raises InvalidInput, NotPossibleNow, TooMuch, Unavailable.
        """
        request = tasks_pb2.SubmitTaskRequest(request_id=request_id, parameters=parameters, from_studio=from_studio)
        with client.translated():
            return (await self._tasks.SubmitTask(request, metadata=client.bearer(visitor.identity))).task

    async def get(self, visitor: Visitor, task_id: str) -> tasks_pb2.Task:
        """Read a task. Raises NotFound."""
        request = tasks_pb2.GetTaskRequest(task_id=task_id)
        with client.translated():
            return (await self._tasks.GetTask(request, metadata=client.bearer(visitor.identity))).task

    async def page(
        self, visitor: Visitor, *, session_id: str = "", query: str = "", page_size: int = 20, page_token: str = ""
    ) -> tasks_pb2.ListTasksResponse:
        """A page of the visitor's tasks, newest first; only those whose prompt contains `query`, where there is one.

        Raises InvalidInput for a query that is too long or no text.
        """
        request = tasks_pb2.ListTasksRequest(
            page_size=page_size, page_token=page_token, session_id=session_id, query=query
        )
        with client.translated():
            return await self._tasks.ListTasks(request, metadata=client.bearer(visitor.identity))

    async def some(self, visitor: Visitor, task_ids: Collection[str]) -> Mapping[str, tasks_pb2.Task]:
        """Those of the visitor's tasks that are named, 100 at most, by id. What is not theirs is left out."""
        if not task_ids:
            return {}
        request = tasks_pb2.ListTasksRequest(task_ids=task_ids, page_size=100)
        with client.translated():
            found = await self._tasks.ListTasks(request, metadata=client.bearer(visitor.identity))
        return {task.task_id: task for task in found.tasks}

    async def cancel(self, visitor: Visitor, task_id: str) -> tasks_pb2.Task:
        """Stop a task; one that has ended stays as it is. Raises NotFound."""
        request = tasks_pb2.CancelTaskRequest(task_id=task_id)
        with client.translated():
            return (await self._tasks.CancelTask(request, metadata=client.bearer(visitor.identity))).task

    async def cancel_and_see(self, visitor: Visitor, task_id: str) -> tasks_pb2.Task:
        """The same, and a moment's wait for its worker to stop: ended, or as it stands when the moment is over."""
        task = await self.cancel(visitor, task_id)
        if task.state in ENDED:
            return task
        # A session that ends in this moment keeps nobody from the answer that is there already.
        with contextlib.suppress(TimeoutError, errors.Unavailable, errors.NotAuthenticated):
            async with (
                asyncio.timeout(CANCEL_SECONDS),
                self.watch_task(visitor, task_id, task.revision) as messages,
            ):
                async for message in messages:
                    task = message.task
        return task

    async def delete_image(self, visitor: Visitor, image_id: str) -> tasks_pb2.Task:
        """Delete an image with its files and its place in the gallery; its task after it. Raises NotFound."""
        request = tasks_pb2.DeleteImageRequest(image_id=image_id)
        with client.translated():
            return (await self._tasks.DeleteImage(request, metadata=client.bearer(visitor.identity))).task

    async def cancels_on_leave(self, visitor: Visitor) -> bool:
        """Whether the visitor's studio tasks are cancelled when they leave."""
        with client.translated():
            answer = await self._tasks.GetLeaving(
                tasks_pb2.GetLeavingRequest(), metadata=client.bearer(visitor.identity)
            )
        return answer.leaving == tasks_pb2.LEAVING_CANCEL

    async def choose_leaving(self, visitor: Visitor, *, cancel: bool) -> None:
        """Choose that."""
        leaving = tasks_pb2.LEAVING_CANCEL if cancel else tasks_pb2.LEAVING_KEEP
        with client.translated():
            await self._tasks.SetLeaving(
                tasks_pb2.SetLeavingRequest(leaving=leaving), metadata=client.bearer(visitor.identity)
            )

    async def capabilities(self, visitor: Visitor) -> tasks_pb2.GetCapabilitiesResponse:
        """What the workers can do. Raises Unavailable NO_WORKER while none was ever seen."""
        with client.translated():
            return await self._tasks.GetCapabilities(
                tasks_pb2.GetCapabilitiesRequest(), metadata=client.bearer(visitor.identity)
            )

    @contextlib.asynccontextmanager
    async def watch_session(
        self, visitor: Visitor, session_id: str, after: int
    ) -> AsyncIterator[AsyncIterator[tasks_pb2.WatchSessionResponse]]:
        """Follow a session's tasks (all of the visitor's when it is empty) from a revision on.

        The visitor counts as present in the studio meanwhile. It ends with RENEW_REASONS now and then.
        """
        request = tasks_pb2.WatchSessionRequest(session_id=session_id, after_revision=after, present=True)
        call = self._tasks.WatchSession(request, metadata=client.bearer(visitor.identity))
        try:
            yield client.translated_stream(call)
        finally:
            call.cancel()

    @contextlib.asynccontextmanager
    async def watch_task(
        self, visitor: Visitor, task_id: str, after: int
    ) -> AsyncIterator[AsyncIterator[tasks_pb2.WatchTaskResponse]]:
        """Follow one task to its end from a revision on. Its first message may raise NotFound.

        It ends with RENEW_REASONS now and then.
        """
        request = tasks_pb2.WatchTaskRequest(task_id=task_id, after_revision=after)
        call = self._tasks.WatchTask(request, metadata=client.bearer(visitor.identity))
        try:
            yield client.translated_stream(call)
        finally:
            call.cancel()

    @contextlib.asynccontextmanager
    async def download(
        self, visitor: Visitor, image_id: str, size: "tasks_pb2.ImageSize.ValueType"
    ) -> AsyncIterator[AsyncIterator[tasks_pb2.DownloadImageResponse]]:
        """Read an image or a thumbnail of it: what it is, then its bytes. Its first message may raise NotFound."""
        request = tasks_pb2.DownloadImageRequest(image_id=image_id, size=size)
        call = self._tasks.DownloadImage(request, metadata=client.bearer(visitor.identity))
        try:
            yield client.translated_stream(call)
        finally:
            call.cancel()

    async def ready(self) -> bool:
        """Whether tasks answers and says it serves."""
        return await serving(self._health)
