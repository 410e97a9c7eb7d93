"""Every method of the ledger refuses who has no right to it, and no method stands outside the table."""

from collections.abc import Callable
from typing import Any

import grpc
import jwt
from daydream.tasks.v1 import admin_pb2, gallery_pb2, tasks_pb2

from services.foundation.rpc import client
from services.tasks.access import ACCESS
from tests.support import identity
from tests.support.ledger import Studio, running


def _path(method: Any) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


async def test_every_method_refuses_who_has_no_right_to_it(new_studio: Callable[..., Studio]) -> None:
    services = (
        tasks_pb2.DESCRIPTOR.services_by_name["TaskService"],
        gallery_pb2.DESCRIPTOR.services_by_name["GalleryService"],
        admin_pb2.DESCRIPTOR.services_by_name["AdminService"],
    )
    methods = {method.name: method for service in services for method in service.methods}
    async with running(new_studio()) as studio:
        channel = client.channel(studio.settings.bind)

        async def call(name: str, metadata: Any) -> str:
            method = methods[name]
            open_call: Any = channel.unary_stream if method.server_streaming else channel.unary_unary
            ready = open_call(_path(method), lambda _: b"", response_deserializer=lambda data: data)(
                None, metadata=metadata, timeout=60
            )
            try:
                if method.server_streaming:
                    await anext(aiter(ready))
                else:
                    await ready
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            return "OK"

        names = list(methods)
        unsigned = jwt.encode({"sub": "ada", "aud": "tasks"}, key="", algorithm="none", headers={"kid": "test-key"})
        strangers = {
            "nobody": grpc.aio.Metadata(),
            "plain metadata": grpc.aio.Metadata(("x-user-id", "ada")),
            "garbage": client.bearer("garbage"),
            "unsigned": client.bearer(unsigned),
            "expired": client.bearer(identity.mint("ada", claims={"iat": 1, "exp": 2})),
            "other audience": client.bearer(identity.mint("ada", audience=("gpu",))),
        }
        for who, metadata in strangers.items():
            assert {name: await call(name, metadata) for name in names} == dict.fromkeys(names, "UNAUTHENTICATED"), who
        reader = client.bearer(identity.mint("ada", scopes=("read",)))
        answers = {name: await call(name, reader) for name in names}
        assert {name for name, code in answers.items() if code == "PERMISSION_DENIED"} == {
            "SubmitTask", "CancelTask", "UploadImage", "SetLeaving", "DeleteImage", "PublishImage", "UnpublishImage",
            "ImportImage", "CreateImageLink", "DownloadLinkedImage", "HideImage", "RestoreImage",
            "ListAllTasks", "CancelAnyTask", "ListWorkers", "WatchMachine", "CountImages", "ListDeeds",
        }  # fmt: skip
        web = {name: await call(name, client.bearer(identity.mint_service("web"))) for name in names}
        assert {name for name, code in web.items() if code != "PERMISSION_DENIED"} == {
            "GetCapabilities", "ListGallery", "GetGalleryImage", "DownloadGalleryImage", "DownloadLinkedImage",
        }  # fmt: skip
        lent = client.bearer(identity.mint_delegated("ada", "a-task"))
        lends = {name: await call(name, lent) for name in names}
        assert {name for name, code in lends.items() if code != "PERMISSION_DENIED"} == {
            "SubmitTask", "GetTask", "WatchTask", "CancelTask", "DownloadImage", "UploadImage", "GetCapabilities",
        }  # fmt: skip
        assert set(ACCESS) == {_path(method) for method in methods.values()}
        await channel.close()
