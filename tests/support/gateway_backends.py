"""auth and tasks as the gateway needs them, in memory: real gRPC servers, everything behind them made up.

They keep the contract of the protos as far as the gateway can see it: sessions, keys, a purse, tasks that move when the
test says so (`advance`) or by themselves (`play`).
"""

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

from daydream.auth.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    codes_pb2,
    codes_pb2_grpc,
    grants_pb2,
    grants_pb2_grpc,
)
from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import admin_pb2, admin_pb2_grpc, gallery_pb2, gallery_pb2_grpc, tasks_pb2, tasks_pb2_grpc

from services.foundation import errors, identity
from services.foundation.rpc import server
from services.foundation.rpc import status as rpc_status
from tests.support import identity as signing
from tests.support.gateway_accounts import FakeAuth, now
from tests.support.gateway_archives import FakeArchives
from tests.support.gateway_gallery import FakeGallery
from tests.support.gateway_images import FakeImages
from tests.support.gateway_machine import FakeMachine
from tests.support.gateway_plugins import FakeGrants, FakeLinks
from tests.support.gateway_uploads import FakeUploads, steps_run

ENDED: Final = (tasks_pb2.TASK_STATE_SUCCEEDED, tasks_pb2.TASK_STATE_FAILED, tasks_pb2.TASK_STATE_CANCELLED)

MODEL: Final = inference_pb2.Model(
    name="daydream-mini",
    title="Daydream mini",
    defaults=inference_pb2.Defaults(steps=20, guidance=2.5, width=256, height=256),
    limits=inference_pb2.Limits(
        min_size=64, max_size=512, size_multiple=64, max_steps=50, max_guidance=12, max_samples=10, max_prompt_chars=512
    ),
    samplers=[inference_pb2.Sampler(name="DPM++ 2M"), inference_pb2.Sampler(name="Euler a")],
    step_times=[
        inference_pb2.StepTime(
            width=256, height=256, step_us=60_000, image_us=250_000, shared_step_us=40_000, images_at_once=4
        ),
        inference_pb2.StepTime(width=512, height=512, step_us=240_000, image_us=900_000),
    ],
    example_prompts=[
        "A red boat on a calm sea at sunset",
        "A blue house between trees on a snowy night",
        "Three yellow rings on dark blue",
    ],
)


class FakeTasks(FakeArchives, FakeLinks, FakeImages, FakeUploads):
    """The ledger, in memory."""

    def __init__(self, auth: FakeAuth, draw: Callable[[tasks_pb2.Task, int], bytes] | None = None) -> None:
        """`draw` makes the file of an image."""
        super().__init__()
        self._auth = auth
        self.draw = draw or (lambda _task, index: b"\x89PNG\r\n\x1a\n" + bytes([index]) * 2048)
        self.tasks: dict[str, tasks_pb2.Task] = {}
        self.owners: dict[str, str] = {}
        self.requests: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.files: dict[str, bytes] = {}
        self.refusal: errors.DaydreamError | None = None
        self.has_worker = True
        self.model = MODEL
        self.slow_to_stop = False
        self.watching = 0
        self.watched: list[tasks_pb2.WatchSessionRequest] = []
        self.watch_refusal: errors.DaydreamError | None = None
        self.from_studio: set[str] = set()
        self.cancels_on_leave: dict[str, bool] = {}
        self.breaks: list[errors.DaydreamError] = []
        """What open watches broke off with, each time."""
        self._revision = 0
        self._watches: set[asyncio.Future[None]] = set()
        self._version = 0
        self._numbers = itertools.count(1)

    def break_watches(self, error: errors.DaydreamError | None = None) -> None:
        """Every open watch breaks off, once; one that is just telling something does when it has told it."""
        self.breaks.append(error or errors.Unavailable("tasks is away", reason="BROKEN"))
        self._wake()

    async def until_changed(self, version: int, breaks: int) -> int:
        """Wait for a change after `version`; raise what broke the watches off since there were `breaks`."""
        if self._version == version and len(self.breaks) == breaks:
            waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._watches.add(waiting)
            try:
                await waiting
            finally:
                self._watches.discard(waiting)
        if len(self.breaks) > breaks:
            raise self.breaks[-1]
        return self._version

    def _wake(self) -> None:
        for waiting in list(self._watches):
            if not waiting.done():
                waiting.set_result(None)

    def _mine(self, task_id: str) -> tasks_pb2.Task:
        if self.owners.get(task_id) != identity.caller().subject:
            raise errors.NotFound("There is no such task.", reason="TASK_NOT_FOUND")
        return self.tasks[task_id]

    async def SubmitTask(self, request: Any, _call: Any) -> tasks_pb2.SubmitTaskResponse:
        """Queue it, for its price."""
        if self.refusal is not None:
            raise self.refusal
        caller = identity.caller()
        content = request.parameters.SerializeToString(deterministic=True)
        known = self.requests.get((caller.subject, request.request_id))
        if known is not None:
            if known[0] != content:
                raise errors.RequestIdReused
            return tasks_pb2.SubmitTaskResponse(task=self.tasks[known[1]])
        parameters = self._filled(request.parameters)
        person = self._auth.by_id(caller.subject)
        work = steps_run(parameters) * parameters.width * parameters.height
        price = parameters.samples * max(1, -(-work // 5_242_880))
        if person.tokens < price:
            raise errors.NotPossibleNow(
                f"This costs {price} tokens and you have {person.tokens}.",
                reason="NOT_ENOUGH_TOKENS",
                metadata={"price": str(price), "balance": str(person.tokens)},
            )
        task_id = f"task-{next(self._numbers)}"
        self._auth.move(person, auth_pb2.ENTRY_KIND_HOLD, -price, task_id)
        task = tasks_pb2.Task(
            task_id=task_id,
            session_id=caller.session_id,
            state=tasks_pb2.TASK_STATE_QUEUED,
            parameters=parameters,
            price=price,
            created_time=now(),
        )
        task.progress.position, task.progress.ahead, task.progress.start_ms = 1, 0, 400
        task.progress.steps = parameters.steps * parameters.samples
        self.tasks[task.task_id], self.owners[task.task_id] = task, caller.subject
        self.requests[caller.subject, request.request_id] = (content, task.task_id)
        if request.from_studio:
            self.from_studio.add(task.task_id)
        await self.stored(task)
        return tasks_pb2.SubmitTaskResponse(task=task)

    @staticmethod
    def _filled(asked: tasks_pb2.Parameters) -> tasks_pb2.Parameters:
        filled = tasks_pb2.Parameters()
        filled.CopyFrom(asked)
        filled.model = filled.model or MODEL.name
        filled.sampler = filled.sampler or MODEL.samplers[0].name
        for name in ("steps", "guidance", "width", "height"):
            if not asked.HasField(name):
                setattr(filled, name, getattr(MODEL.defaults, name))
        filled.seed = asked.seed if asked.HasField("seed") else -1
        filled.samples = asked.samples if asked.HasField("samples") else 1
        wrong = [
            errors.FieldViolation(field=name, description=f"{name.capitalize()} must be {low} to {high}.")
            for name, low, high in (("steps", 1, 50), ("width", 64, 512), ("height", 64, 512), ("guidance", 0, 12))
            if not low <= getattr(filled, name) <= high or (name in {"width", "height"} and getattr(filled, name) % 64)
        ]
        if wrong:
            raise errors.InvalidInput.of(*wrong)
        return filled

    async def stored(self, task: tasks_pb2.Task) -> None:
        """The stored state changed: watchers hear of it under a new revision."""
        self._revision += 1
        task.revision = self._revision
        await self.moved()

    async def moved(self) -> None:
        """Only progress changed."""
        self._version += 1
        self._wake()

    async def start(self, task_id: str, seed: int = 1000) -> None:
        """A worker takes it."""
        task = self.tasks[task_id]
        task.state = tasks_pb2.TASK_STATE_RUNNING
        task.started_time.CopyFrom(now())
        if task.parameters.seed < 0:
            task.parameters.seed = seed
        task.progress.position = task.progress.ahead = 0
        await self.stored(task)

    async def step(self, task_id: str, preview: bytes = b"") -> None:
        """A denoising step is done."""
        task = self.tasks[task_id]
        task.progress.step += 1
        task.progress.percent = task.progress.step * 100 // task.progress.steps
        task.progress.remaining_ms = (task.progress.steps - task.progress.step) * 60
        if preview:
            task.progress.preview, task.progress.preview_content_type = preview, "image/webp"
        await self.moved()

    async def deliver(self, task_id: str) -> tasks_pb2.Image:
        """The next image is there."""
        task = self.tasks[task_id]
        index = len(task.images) + len(task.deleted_indexes)
        data = self.draw(task, index)
        image = tasks_pb2.Image(
            image_id=f"{task_id}-image-{index}",
            index=index,
            seed=task.parameters.seed + index,
            width=task.parameters.width,
            height=task.parameters.height,
            content_type="image/png",
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            created_time=now(),
        )
        self.files[image.image_id] = data
        task.images.append(image)
        await self.stored(task)
        return image

    async def end(self, task_id: str, error: errors.DaydreamError | None = None) -> None:
        """It is over, and its money is settled."""
        task = self.tasks[task_id]
        task.state = tasks_pb2.TASK_STATE_FAILED if error else tasks_pb2.TASK_STATE_SUCCEEDED
        if error:
            task.error.CopyFrom(rpc_status.to_status(error))
        await self._settle(task)

    async def _settle(self, task: tasks_pb2.Task) -> None:
        task.finished_time.CopyFrom(now())
        if task.HasField("started_time"):
            task.duration_ms = task.finished_time.ToMilliseconds() - task.started_time.ToMilliseconds()
        task.charged = len(task.images) * task.price // task.parameters.samples
        owner = self._auth.by_id(self.owners[task.task_id])
        if task.price > task.charged:
            self._auth.move(owner, auth_pb2.ENTRY_KIND_RETURN, task.price - task.charged, task.task_id)
        task.progress.preview = b""
        task.settled_time.CopyFrom(now())
        await self.stored(task)

    async def GetTask(self, request: Any, _call: Any) -> tasks_pb2.GetTaskResponse:
        """The caller's."""
        return tasks_pb2.GetTaskResponse(task=self._mine(request.task_id))

    async def ListTasks(self, request: Any, _call: Any) -> tasks_pb2.ListTasksResponse:
        """The caller's, newest first, paged."""
        mine = self._of(identity.caller().subject, request.session_id)[::-1]
        mine = [task for task in mine if request.query.lower() in task.parameters.prompt.lower()]
        mine = [task for task in mine if not request.task_ids or task.task_id in request.task_ids]
        if request.page_token and not request.page_token.isdigit():
            wrong = "page_token is not one that an earlier page gave."
            raise errors.InvalidInput.of(errors.FieldViolation(field="page_token", description=wrong))
        begin, size = int(request.page_token or 0), request.page_size or 20
        more = str(begin + size) if begin + size < len(mine) else ""
        return tasks_pb2.ListTasksResponse(tasks=mine[begin : begin + size], next_page_token=more)

    def _of(self, user_id: str, session_id: str) -> list[tasks_pb2.Task]:
        return [
            task
            for task in self.tasks.values()
            if self.owners[task.task_id] == user_id and session_id in {"", task.session_id}
        ]

    async def CancelTask(self, request: Any, _call: Any) -> tasks_pb2.CancelTaskResponse:
        """One that has ended stays as it is."""
        task = self._mine(request.task_id)
        if task.state not in ENDED and not self.slow_to_stop:
            await self.cancelled(task.task_id)
        return tasks_pb2.CancelTaskResponse(task=task)

    async def cancelled(self, task_id: str) -> None:
        """Its worker has stopped."""
        self.tasks[task_id].state = tasks_pb2.TASK_STATE_CANCELLED
        await self._settle(self.tasks[task_id])

    async def GetCapabilities(self, _request: Any, _call: Any) -> tasks_pb2.GetCapabilitiesResponse:
        """One small model."""
        if not self.has_worker:
            raise errors.Unavailable("No worker has started yet.", reason="NO_WORKER")
        return tasks_pb2.GetCapabilitiesResponse(models=[self.model], queue_limit=100, workers=1)

    async def GetLeaving(self, _request: Any, _call: Any) -> tasks_pb2.GetLeavingResponse:
        """As it was chosen."""
        cancels = self.cancels_on_leave.get(identity.caller().subject, False)
        return tasks_pb2.GetLeavingResponse(leaving=tasks_pb2.LEAVING_CANCEL if cancels else tasks_pb2.LEAVING_KEEP)

    async def SetLeaving(self, request: Any, _call: Any) -> tasks_pb2.SetLeavingResponse:
        """It is remembered."""
        self.cancels_on_leave[identity.caller().subject] = request.leaving == tasks_pb2.LEAVING_CANCEL
        return tasks_pb2.SetLeavingResponse()

    async def WatchSession(self, request: Any, _call: Any) -> AsyncIterator[tasks_pb2.WatchSessionResponse]:
        """What is newer, then what changes or moves."""
        subject = identity.caller().subject
        seen: dict[str, bytes] = {
            each.task_id: each.SerializeToString()
            for each in self._of(subject, request.session_id)
            if each.revision <= request.after_revision
        }
        first, version, breaks = True, -1, len(self.breaks)
        self.watched.append(request)
        if self.watch_refusal is not None:
            raise self.watch_refusal
        self.watching += 1
        try:
            while True:
                fresh = [
                    each
                    for each in self._of(subject, request.session_id)
                    if seen.get(each.task_id) != each.SerializeToString()
                ]
                seen |= {each.task_id: each.SerializeToString() for each in fresh}
                if fresh or first:
                    yield tasks_pb2.WatchSessionResponse(tasks=fresh, revision=self._revision)
                first = False
                version = await self.until_changed(version, breaks)
        finally:
            self.watching -= 1

    async def WatchTask(self, request: Any, _call: Any) -> AsyncIterator[tasks_pb2.WatchTaskResponse]:
        """To its end."""
        task = self._mine(request.task_id)
        seen, version, breaks = b"", -1, len(self.breaks)
        if task.revision <= request.after_revision and task.state in ENDED:
            return
        if task.revision == request.after_revision:
            seen = task.SerializeToString()
        self.watching += 1
        try:
            while True:
                if task.SerializeToString() != seen:
                    seen = task.SerializeToString()
                    yield tasks_pb2.WatchTaskResponse(task=task)
                if task.state in ENDED:
                    return
                version = await self.until_changed(version, breaks)
        finally:
            self.watching -= 1


def _everything(*services: Any) -> dict[str, identity.Access]:
    """Every method of the services, open to everyone known."""
    anyone = identity.people(identity.Scope.READ, also=frozenset({"*"}))
    table = {f"/{service.full_name}/{method.name}": anyone for service in services for method in service.methods}
    return {**table, "/daydream.auth.v1.AuthService/IssueServiceToken": identity.PUBLIC}


@dataclass(kw_only=True)
class Backends:
    """Both, running."""

    auth: FakeAuth
    grants: FakeGrants
    tasks: FakeTasks
    gallery: FakeGallery
    machine: FakeMachine
    auth_target: str
    tasks_target: str
    auth_server: server.Server
    tasks_server: server.Server


@contextlib.asynccontextmanager
async def running(draw: Callable[[tasks_pb2.Task, int], bytes] | None = None) -> AsyncIterator[Backends]:
    """Both servers on free ports of loopback."""
    auth = FakeAuth()  # type: ignore[abstract]
    grants = FakeGrants(auth)  # type: ignore[abstract]
    tasks = FakeTasks(auth, draw)
    gallery = FakeGallery(tasks)
    machine = FakeMachine(tasks)
    services = {
        "auth": [
            auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
            auth_pb2.DESCRIPTOR.services_by_name["PurseService"],
            accounts_pb2.DESCRIPTOR.services_by_name["AccountService"],
            auth_pb2.DESCRIPTOR.services_by_name["UserService"],
            codes_pb2.DESCRIPTOR.services_by_name["CodeService"],
            audit_pb2.DESCRIPTOR.services_by_name["AuditService"],
            grants_pb2.DESCRIPTOR.services_by_name["GrantService"],
        ],
        "tasks": [
            tasks_pb2.DESCRIPTOR.services_by_name["TaskService"],
            gallery_pb2.DESCRIPTOR.services_by_name["GalleryService"],
            admin_pb2.DESCRIPTOR.services_by_name["AdminService"],
        ],
    }
    servers, targets = {}, {}
    for name, described in services.items():
        verifier = identity.Verifier(audience=name, fetch_keys=signing.fetch_keys)
        servers[name] = server.Server(verifier=verifier, access=_everything(*described))
        targets[name] = f"127.0.0.1:{servers[name].grpc.add_insecure_port('127.0.0.1:0')}"
    auth_pb2_grpc.add_AuthServiceServicer_to_server(auth, servers["auth"].grpc)
    auth_pb2_grpc.add_PurseServiceServicer_to_server(auth, servers["auth"].grpc)
    accounts_pb2_grpc.add_AccountServiceServicer_to_server(auth, servers["auth"].grpc)
    auth_pb2_grpc.add_UserServiceServicer_to_server(auth, servers["auth"].grpc)
    codes_pb2_grpc.add_CodeServiceServicer_to_server(auth, servers["auth"].grpc)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(auth, servers["auth"].grpc)
    grants_pb2_grpc.add_GrantServiceServicer_to_server(grants, servers["auth"].grpc)
    tasks_pb2_grpc.add_TaskServiceServicer_to_server(tasks, servers["tasks"].grpc)
    gallery_pb2_grpc.add_GalleryServiceServicer_to_server(gallery, servers["tasks"].grpc)
    admin_pb2_grpc.add_AdminServiceServicer_to_server(machine, servers["tasks"].grpc)
    for each in servers.values():
        await each.grpc.start()
        await each.ready()
    try:
        yield Backends(
            auth=auth,
            grants=grants,
            tasks=tasks,
            gallery=gallery,
            machine=machine,
            auth_target=targets["auth"],
            tasks_target=targets["tasks"],
            auth_server=servers["auth"],
            tasks_server=servers["tasks"],
        )
    finally:
        for each in servers.values():
            await each.drain(0)
