"""Staff as tests have them: somebody who calls AdminService of one replica."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from daydream.tasks.v1 import admin_pb2, admin_pb2_grpc

from services.foundation.rpc import client
from tests.support import identity
from tests.support.gallery import STAFF_SCOPES
from tests.support.ledger import Person


class Staff:
    """Somebody of the staff, over a person's channel."""

    def __init__(self, person: Person, **claims: Any) -> None:
        """`claims` as for `identity.mint`."""
        self.stub = admin_pb2_grpc.AdminServiceStub(person.channel)
        self.metadata = client.bearer(identity.mint(person.name, role="staff", scopes=STAFF_SCOPES, **claims))

    async def list(self, **asked: Any) -> admin_pb2.ListAllTasksResponse:
        """Anybody's tasks."""
        with client.translated():
            return await self.stub.ListAllTasks(admin_pb2.ListAllTasksRequest(**asked), metadata=self.metadata)

    async def found(self, **asked: Any) -> Sequence[str]:
        """The ids of the first page."""
        return [each.task.task_id for each in (await self.list(**asked)).tasks]

    async def cancel(self, task_id: str, reason: str = "too many at once") -> admin_pb2.OwnedTask:
        """Stop anybody's task."""
        request = admin_pb2.CancelAnyTaskRequest(task_id=task_id, reason=reason)
        with client.translated():
            return (await self.stub.CancelAnyTask(request, metadata=self.metadata)).task

    async def workers(self) -> Sequence[admin_pb2.Worker]:
        """The workers."""
        with client.translated():
            answer = await self.stub.ListWorkers(admin_pb2.ListWorkersRequest(), metadata=self.metadata)
        return answer.workers

    async def counts(self, *user_ids: str) -> Mapping[str, int]:
        """How many images people keep."""
        with client.translated():
            request = admin_pb2.CountImagesRequest(user_ids=user_ids)
            return dict((await self.stub.CountImages(request, metadata=self.metadata)).images)

    async def deeds(self, **asked: Any) -> admin_pb2.ListDeedsResponse:
        """The log."""
        with client.translated():
            return await self.stub.ListDeeds(admin_pb2.ListDeedsRequest(**asked), metadata=self.metadata)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator["Seen"]:
        """The machine, followed for as long as the block lasts."""
        call = self.stub.WatchMachine(admin_pb2.WatchMachineRequest(), metadata=self.metadata)
        try:
            yield Seen(client.translated_stream(call))
        finally:
            call.cancel()


class Seen:
    """The machine as a watcher has it, put together from what the stream told."""

    def __init__(self, messages: AsyncIterator[admin_pb2.WatchMachineResponse]) -> None:
        """Nothing was told yet."""
        self._messages = messages
        self.tasks: dict[str, admin_pb2.OwnedTask] = {}
        self.workers: dict[str, admin_pb2.Worker] = {}
        self.last = admin_pb2.WatchMachineResponse()
        self.messages = 0

    async def until(self, enough: Callable[[], bool]) -> None:
        """Read on until `enough` says so."""
        while not (self.messages and enough()):
            self.last = await anext(self._messages)
            self.messages += 1
            self.tasks |= {each.task.task_id: each for each in self.last.tasks}
            for task_id in self.last.gone_task_ids:
                del self.tasks[task_id]
            if self.last.workers:
                self.workers = {each.target: each for each in self.last.workers}
