"""TaskService on the wire: reads requests, calls the ledger for the caller, writes answers. Decides nothing."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import database, identity
from services.tasks.files.archive import Archive, Choice
from services.tasks.files.images import ImageFiles
from services.tasks.files.imports import Imports
from services.tasks.files.links import Links
from services.tasks.files.removal import Removal
from services.tasks.files.uploads import Uploads
from services.tasks.people.delegation import reference_of
from services.tasks.people.presence import Presence
from services.tasks.queue.ledger import Ledger
from services.tasks.queue.lineup import Lineup
from services.tasks.watching.board import Viewer
from services.tasks.watching.watch import Watching
from services.tasks.wire import messages, model_messages, paging, parameter_messages
from services.tasks.workers.fleet import Fleet

Context = grpc.aio.ServicerContext[Any, Any]


class TaskServicer(tasks_pb2_grpc.TaskServiceServicer):
    """The service of the contract."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        watching: Watching,
        presence: Presence,
        lineup: Lineup,
        fleet: Fleet,
        images: ImageFiles,
        archive: Archive,
        uploads: Uploads,
        removal: Removal,
        imports: Imports,
        links: Links,
    ) -> None:
        """Everything it passes calls on to."""
        self._ledger = ledger
        self._watching = watching
        self._presence = presence
        self._lineup = lineup
        self._fleet = fleet
        self._images = images
        self._archive = archive
        self._uploads = uploads
        self._removal = removal
        self._imports = imports
        self._links = links

    async def SubmitTask(self, request: tasks_pb2.SubmitTaskRequest, context: Context) -> tasks_pb2.SubmitTaskResponse:
        """Accept a task."""
        caller = identity.caller()
        task = await self._ledger.submit(
            user_id=caller.subject,
            session_id=caller.session_id,
            request_id=request.request_id,
            asked=parameter_messages.to_asked(request.parameters),
            from_studio=request.from_studio,
            reference=reference_of(caller),
        )
        return tasks_pb2.SubmitTaskResponse(task=messages.to_task(await self._lineup.view(task)))

    async def GetTask(self, request: tasks_pb2.GetTaskRequest, context: Context) -> tasks_pb2.GetTaskResponse:
        """Read a task."""
        caller = identity.caller()
        task = await self._ledger.get(caller.subject, request.task_id, reference=reference_of(caller))
        return tasks_pb2.GetTaskResponse(task=messages.to_task(await self._lineup.view(task)))

    async def ListTasks(self, request: tasks_pb2.ListTasksRequest, context: Context) -> tasks_pb2.ListTasksResponse:
        """List the caller's tasks."""
        tasks, following = await self._ledger.page(
            identity.caller().subject,
            session_id=request.session_id,
            states=messages.to_states(request.states),
            words=request.query,
            only=request.task_ids,
            before=paging.read_token(request.page_token),
            size=paging.check_size(request.page_size),
        )
        return tasks_pb2.ListTasksResponse(
            tasks=[messages.to_task(await self._lineup.view(task)) for task in tasks],
            next_page_token=paging.make_token(following),
        )

    async def WatchTask(
        self, request: tasks_pb2.WatchTaskRequest, context: Context
    ) -> AsyncIterator[tasks_pb2.WatchTaskResponse]:
        """Follow a task to its end."""
        views = self._watching.task(_viewer(), request.task_id, request.after_revision)
        # Closed with the call, not by the garbage collector: a watcher whose reader left must not stay.
        async with aclosing(views):
            async for view in views:
                yield tasks_pb2.WatchTaskResponse(task=messages.to_task(view))

    async def WatchSession(
        self, request: tasks_pb2.WatchSessionRequest, context: Context
    ) -> AsyncIterator[tasks_pb2.WatchSessionResponse]:
        """Follow a session until the caller leaves."""
        updates = self._watching.session(_viewer(), request.session_id, request.after_revision, present=request.present)
        async with aclosing(updates):
            async for update in updates:
                yield messages.to_session_update(update)

    async def CancelTask(self, request: tasks_pb2.CancelTaskRequest, context: Context) -> tasks_pb2.CancelTaskResponse:
        """Stop a task."""
        caller = identity.caller()
        task = await self._ledger.cancel(caller.subject, request.task_id, reference=reference_of(caller))
        return tasks_pb2.CancelTaskResponse(task=messages.to_task(await self._lineup.view(task)))

    async def DownloadImage(
        self, request: tasks_pb2.DownloadImageRequest, context: Context
    ) -> AsyncIterator[tasks_pb2.DownloadImageResponse]:
        """Read an image file."""
        caller = identity.caller()
        image = await self._ledger.image(caller.subject, request.image_id, reference=reference_of(caller))
        about, pieces = await self._images.open(image, messages.to_size(request.size))
        yield tasks_pb2.DownloadImageResponse(image=messages.to_image(about))
        async with aclosing(pieces):
            async for piece in pieces:
                yield tasks_pb2.DownloadImageResponse(data=piece)

    async def DeleteImage(
        self, request: tasks_pb2.DeleteImageRequest, context: Context
    ) -> tasks_pb2.DeleteImageResponse:
        """Delete an image."""
        task = await self._removal.delete(identity.caller().subject, request.image_id)
        return tasks_pb2.DeleteImageResponse(task=messages.to_task(await self._lineup.view(task)))

    async def DownloadArchive(
        self, request: tasks_pb2.DownloadArchiveRequest, context: Context
    ) -> AsyncIterator[tasks_pb2.DownloadArchiveResponse]:
        """Read images as one ZIP file."""
        contents, pieces = await self._archive.open(
            Choice(
                user_id=identity.caller().subject,
                session_id=request.session_id,
                image_ids=tuple(request.image_ids),
            )
        )
        about = tasks_pb2.Archive(images=contents.images, bytes=contents.bytes)
        yield tasks_pb2.DownloadArchiveResponse(archive=about)
        async with aclosing(pieces):
            async for piece in pieces:
                yield tasks_pb2.DownloadArchiveResponse(data=piece)

    async def UploadImage(
        self, request_iterator: AsyncIterator[tasks_pb2.UploadImageRequest], context: Context
    ) -> tasks_pb2.UploadImageResponse:
        """Take a picture in."""
        pieces = (request.data async for request in request_iterator)
        upload = await self._uploads.take(identity.caller().subject, pieces, database.utc_now())
        return tasks_pb2.UploadImageResponse(upload=messages.to_upload(upload))

    async def ImportImage(
        self, request_iterator: AsyncIterator[tasks_pb2.ImportImageRequest], context: Context
    ) -> tasks_pb2.ImportImageResponse:
        """Put a picture into the caller's timeline."""
        caller = identity.caller()
        parts = (messages.to_part(request) async for request in request_iterator)
        task = await self._imports.take(caller.subject, caller.session_id, parts)
        return tasks_pb2.ImportImageResponse(task=messages.to_task(await self._lineup.view(task)))

    async def CreateImageLink(
        self, request: tasks_pb2.CreateImageLinkRequest, context: Context
    ) -> tasks_pb2.CreateImageLinkResponse:
        """Make a link to an image."""
        secret, until = await self._links.create(identity.caller().subject, request.image_id)
        return tasks_pb2.CreateImageLinkResponse(link_secret=secret, expire_time=messages.to_time(until))

    async def DownloadLinkedImage(
        self, request: tasks_pb2.DownloadLinkedImageRequest, context: Context
    ) -> AsyncIterator[tasks_pb2.DownloadLinkedImageResponse]:
        """Read what a link leads to."""
        about, pieces = await self._links.open(request.link_secret)
        yield tasks_pb2.DownloadLinkedImageResponse(image=messages.to_image(about))
        async with aclosing(pieces):
            async for piece in pieces:
                yield tasks_pb2.DownloadLinkedImageResponse(data=piece)

    async def GetLeaving(self, request: tasks_pb2.GetLeavingRequest, context: Context) -> tasks_pb2.GetLeavingResponse:
        """What becomes of the caller's tasks when they leave."""
        cancels = await self._presence.cancels(identity.caller().subject)
        leaving = tasks_pb2.Leaving.LEAVING_CANCEL if cancels else tasks_pb2.Leaving.LEAVING_KEEP
        return tasks_pb2.GetLeavingResponse(leaving=leaving)

    async def SetLeaving(self, request: tasks_pb2.SetLeavingRequest, context: Context) -> tasks_pb2.SetLeavingResponse:
        """Choose that."""
        await self._presence.choose(identity.caller().subject, cancel=messages.to_cancel_on_leave(request.leaving))
        return tasks_pb2.SetLeavingResponse()

    async def DownloadUpload(
        self, request: tasks_pb2.DownloadUploadRequest, context: Context
    ) -> AsyncIterator[tasks_pb2.DownloadUploadResponse]:
        """Read an upload."""
        upload = await self._uploads.find(identity.caller().subject, request.upload_id)
        yield tasks_pb2.DownloadUploadResponse(upload=messages.to_upload(upload))
        async with aclosing(self._uploads.pieces(upload)) as pieces:
            async for piece in pieces:
                yield tasks_pb2.DownloadUploadResponse(data=piece)

    async def GetCapabilities(
        self, request: tasks_pb2.GetCapabilitiesRequest, context: Context
    ) -> tasks_pb2.GetCapabilitiesResponse:
        """What the workers can do."""
        models = self._ledger.models()
        response = messages.to_queue(await self._lineup.line())
        response.models.extend(model_messages.to_model(model) for model in models)
        response.queue_limit = self._ledger.queue_limit
        response.queue_limit_per_user = self._ledger.queue_limit_per_user
        response.workers = self._fleet.answering()
        return response


def _viewer() -> Viewer:
    caller = identity.caller()
    reference = reference_of(caller)
    return Viewer(
        user_id=caller.subject,
        # What was lent outlives the session it was lent in, and ends with its own token.
        session_id="" if reference else caller.session_id,
        reference=reference,
        believed_until=caller.believed_until,
    )
