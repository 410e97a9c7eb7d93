"""What pages of plugins need of auth and tasks, in memory: codes and tokens, links and imported pictures."""

import hashlib
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

from daydream.auth.v1 import grants_pb2, grants_pb2_grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation import errors, identity
from tests.support import identity as signing
from tests.support.gateway_accounts import FakeAuth, now
from tests.support.gateway_uploads import size_of


def in_seconds(seconds: float) -> Timestamp:
    """A moment from now."""
    stamp = Timestamp()
    stamp.FromMilliseconds(int((time.time() + seconds) * 1000))
    return stamp


class FakeGrants(grants_pb2_grpc.GrantServiceServicer):
    """Codes that work once, and tokens that only the plugin host believes."""

    def __init__(self, auth: FakeAuth) -> None:
        """`auth` knows who is of the staff."""
        self._auth = auth
        self._numbers = itertools.count(1)
        self.codes: dict[str, identity.Caller] = {}
        self.spent_at_once = 0
        """So many codes that are given next work no more when they come."""
        self.tokens_given = 0

    async def IssueSignInCode(self, _request: Any, _call: Any) -> grants_pb2.IssueSignInCodeResponse:
        """For a browser's session."""
        caller = identity.caller()
        if not caller.session_id:
            raise errors.NotAllowed("This needs a browser's session.")
        code = f"code-{next(self._numbers)}"
        if self.spent_at_once:
            self.spent_at_once -= 1
        else:
            self.codes[code] = caller
        return grants_pb2.IssueSignInCodeResponse(code=code, expire_time=in_seconds(30))

    async def IssuePluginToken(self, _request: Any, _call: Any) -> grants_pb2.IssuePluginTokenResponse:
        """Of whoever asks."""
        self.tokens_given += 1
        answer = grants_pb2.IssuePluginTokenResponse()
        answer.identity_token.token = self.token(identity.caller())
        answer.identity_token.expire_time.CopyFrom(in_seconds(300))
        return answer

    def token(self, caller: identity.Caller) -> str:
        """What the plugin host believes."""
        staff = self._auth.by_id(caller.subject).staff
        return signing.mint(
            caller.subject,
            role="staff" if staff else "user",
            scopes=("admin", "generate", "read") if staff and caller.session_id else ("generate", "read"),
            session_id=caller.session_id,
            audience=("plugins",),
        )


class FakeLinks(tasks_pb2_grpc.TaskServiceServicer):
    """Links to images, and pictures that come from elsewhere, of the ledger that it is mixed into."""

    def __init__(self) -> None:
        """None yet."""
        super().__init__()
        self.links: dict[str, str] = {}
        self.imported: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.import_refusal: errors.DaydreamError | None = None

    async def CreateImageLink(self: Any, request: Any, _call: Any) -> tasks_pb2.CreateImageLinkResponse:
        """To an image of the caller's."""
        self._found(request.image_id)
        secret = f"link-{len(self.links) + 1:08}"
        self.links[secret] = request.image_id
        return tasks_pb2.CreateImageLinkResponse(link_secret=secret, expire_time=in_seconds(86_400))

    async def DownloadLinkedImage(
        self: Any, request: Any, _call: Any
    ) -> AsyncIterator[tasks_pb2.DownloadLinkedImageResponse]:
        """For a service alone."""
        if identity.caller().role is not identity.Role.SERVICE:
            raise errors.NotAllowed
        found = self.links.get(request.link_secret)
        images = (image for task in self.tasks.values() for image in task.images if image.image_id == found)
        image = next(images, None)
        if image is None:
            raise errors.NotFound("There is no such link, or it has ended.", reason="LINK_NOT_FOUND")
        data = self.files[image.image_id]
        yield tasks_pb2.DownloadLinkedImageResponse(image=image)
        for at in range(0, len(data), 1024):
            yield tasks_pb2.DownloadLinkedImageResponse(data=data[at : at + 1024])

    async def ImportImage(self: Any, requests: Any, _call: Any) -> tasks_pb2.ImportImageResponse:
        """A task that has succeeded and costs nothing; the same one for the same request."""
        header, data = tasks_pb2.ImportHeader(), bytearray()
        async for request in requests:
            if request.WhichOneof("part") == "header":
                header = request.header
                if self.import_refusal is not None:
                    raise self.import_refusal
            data += request.data
        owner = identity.caller()
        known = self.imported.get((owner.subject, header.request_id))
        if known is not None:
            if known[0] != bytes(data):
                raise errors.RequestIdReused
            return tasks_pb2.ImportImageResponse(task=self.tasks[known[1]])
        width, height = size_of(bytes(data))
        task_id = f"imported-{len(self.imported) + 1}"
        task = tasks_pb2.Task(
            task_id=task_id,
            session_id=owner.session_id,
            state=tasks_pb2.TASK_STATE_SUCCEEDED,
            parameters=tasks_pb2.Parameters(prompt=header.title, width=width, height=height, samples=1, seed=-1),
            imported_from=header.imported_from,
            created_time=now(),
            finished_time=now(),
            settled_time=now(),
        )
        image = task.images.add(
            image_id=f"{task_id}-image", seed=-1, width=width, height=height, content_type="image/png"
        )
        image.bytes, image.sha256 = len(data), hashlib.sha256(data).hexdigest()
        self.files[image.image_id] = bytes(data)
        self.tasks[task_id], self.owners[task_id] = task, owner.subject
        self.imported[owner.subject, header.request_id] = (bytes(data), task_id)
        await self.stored(task)
        return tasks_pb2.ImportImageResponse(task=task)
