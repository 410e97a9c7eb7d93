"""tasks behind the gateway, as staff ask it: everybody's tasks, the workers, and what staff did."""

import contextlib
from collections.abc import AsyncIterator, Sequence

import grpc
from daydream.tasks.v1 import admin_pb2, admin_pb2_grpc, tasks_pb2

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor


class Machine:
    """Calls tasks in the name of a visitor of the staff; tasks checks once more that they are."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._admin = admin_pb2_grpc.AdminServiceStub(channel)

    async def tasks(
        self,
        visitor: Visitor,
        *,
        user_id: str = "",
        states: Sequence[tasks_pb2.TaskState.ValueType] = (),
        query: str = "",
        page_token: str = "",
        page_size: int = 0,
    ) -> admin_pb2.ListAllTasksResponse:
        """A page of anybody's tasks, newest first. Raises InvalidInput."""
        request = admin_pb2.ListAllTasksRequest(
            user_id=user_id, states=states, query=query, page_token=page_token, page_size=page_size
        )
        with client.translated():
            return await self._admin.ListAllTasks(request, metadata=client.bearer(visitor.identity))

    async def task(self, visitor: Visitor, task_id: str) -> admin_pb2.OwnedTask:
        """Anybody's task. Raises NotFound."""
        request = admin_pb2.ListAllTasksRequest(task_id=task_id)
        with client.translated():
            answer = await self._admin.ListAllTasks(request, metadata=client.bearer(visitor.identity))
        if not answer.tasks:
            raise errors.NotFound("There is no such task.", reason="TASK_NOT_FOUND")
        return answer.tasks[0]

    async def cancel(self, visitor: Visitor, task_id: str, reason: str) -> admin_pb2.OwnedTask:
        """Stop anybody's task; one that has ended stays as it is. Raises NotFound, InvalidInput."""
        request = admin_pb2.CancelAnyTaskRequest(task_id=task_id, reason=reason)
        with client.translated():
            return (await self._admin.CancelAnyTask(request, metadata=client.bearer(visitor.identity))).task

    async def workers(self, visitor: Visitor) -> Sequence[admin_pb2.Worker]:
        """What every worker does."""
        with client.translated():
            answer = await self._admin.ListWorkers(
                admin_pb2.ListWorkersRequest(), metadata=client.bearer(visitor.identity)
            )
        return answer.workers

    async def deeds(
        self, visitor: Visitor, *, user_id: str = "", staff_id: str = "", page_token: str = "", page_size: int = 0
    ) -> admin_pb2.ListDeedsResponse:
        """A page of what staff did to tasks and pictures, newest first. Raises InvalidInput."""
        request = admin_pb2.ListDeedsRequest(
            user_id=user_id, staff_id=staff_id, page_token=page_token, page_size=page_size
        )
        with client.translated():
            return await self._admin.ListDeeds(request, metadata=client.bearer(visitor.identity))

    async def line(self, visitor: Visitor) -> admin_pb2.WatchMachineResponse:
        """The queue and the workers as they are now."""
        async with self.watch(visitor) as messages:
            return await anext(messages)

    @contextlib.asynccontextmanager
    async def watch(self, visitor: Visitor) -> AsyncIterator[AsyncIterator[admin_pb2.WatchMachineResponse]]:
        """Follow the queue and the workers: all of it first, then what changes.

        It ends with `ledger.RENEW_REASONS` now and then.
        """
        call = self._admin.WatchMachine(admin_pb2.WatchMachineRequest(), metadata=client.bearer(visitor.identity))
        try:
            yield client.translated_stream(call)
        finally:
            call.cancel()
