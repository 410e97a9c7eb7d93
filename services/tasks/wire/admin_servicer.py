"""AdminService on the wire: reads requests, calls the machine's parts for staff, writes answers. Decides nothing."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from daydream.tasks.v1 import admin_pb2, admin_pb2_grpc

from services.foundation import identity
from services.tasks.machine.crew import Crew
from services.tasks.machine.office import Office
from services.tasks.machine.watch import MachineWatch
from services.tasks.queue.lineup import Lineup
from services.tasks.watching.board import Viewer
from services.tasks.wire import admin_messages, messages, paging

Context = grpc.aio.ServicerContext[Any, Any]


class AdminServicer(admin_pb2_grpc.AdminServiceServicer):
    """The service of the contract."""

    def __init__(self, *, office: Office, crew: Crew, watch: MachineWatch, lineup: Lineup, queue_limit: int) -> None:
        """What it passes calls on to; `queue_limit` bounds what waits."""
        self._office, self._crew, self._watch, self._lineup = office, crew, watch, lineup
        self._queue_limit = queue_limit

    async def ListAllTasks(
        self, request: admin_pb2.ListAllTasksRequest, context: Context
    ) -> admin_pb2.ListAllTasksResponse:
        """List anybody's tasks."""
        tasks, following = await self._office.page(
            task_id=request.task_id,
            user_id=request.user_id,
            states=messages.to_states(request.states),
            words=request.query,
            before=paging.read_token(request.page_token),
            size=paging.check_size(request.page_size),
        )
        return admin_pb2.ListAllTasksResponse(
            tasks=[admin_messages.to_owned(await self._lineup.view(task)) for task in tasks],
            next_page_token=paging.make_token(following),
        )

    async def CancelAnyTask(
        self, request: admin_pb2.CancelAnyTaskRequest, context: Context
    ) -> admin_pb2.CancelAnyTaskResponse:
        """Stop a task."""
        task = await self._office.cancel(identity.caller().subject, request.task_id, request.reason)
        return admin_pb2.CancelAnyTaskResponse(task=admin_messages.to_owned(await self._lineup.view(task)))

    async def ListWorkers(
        self, request: admin_pb2.ListWorkersRequest, context: Context
    ) -> admin_pb2.ListWorkersResponse:
        """What every worker does."""
        workers = await self._crew.workers()
        return admin_pb2.ListWorkersResponse(workers=[admin_messages.to_worker(each) for each in workers])

    async def WatchMachine(
        self, request: admin_pb2.WatchMachineRequest, context: Context
    ) -> AsyncIterator[admin_pb2.WatchMachineResponse]:
        """Follow the machine until the caller leaves."""
        caller = identity.caller()
        viewer = Viewer(user_id=caller.subject, session_id=caller.session_id, believed_until=caller.believed_until)
        async with aclosing(self._watch.follow(viewer)) as sights:
            async for sight in sights:
                yield admin_messages.to_sight(sight, self._queue_limit)

    async def CountImages(
        self, request: admin_pb2.CountImagesRequest, context: Context
    ) -> admin_pb2.CountImagesResponse:
        """Count people's images."""
        return admin_pb2.CountImagesResponse(images=await self._office.count_images(request.user_ids))

    async def ListDeeds(self, request: admin_pb2.ListDeedsRequest, context: Context) -> admin_pb2.ListDeedsResponse:
        """List the log."""
        deeds, following = await self._office.deeds(
            user_id=request.user_id,
            staff_id=request.staff_id,
            before=paging.read_token(request.page_token),
            size=paging.check_size(request.page_size),
        )
        return admin_pb2.ListDeedsResponse(
            deeds=[admin_messages.to_deed(each) for each in deeds], next_page_token=paging.make_token(following)
        )
