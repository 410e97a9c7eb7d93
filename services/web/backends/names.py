"""auth behind the gateway: who the ids are that other services tell staff."""

from collections.abc import Iterable, Mapping
from typing import Final

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

_AT_ONCE: Final = 100


class Names:
    """Calls auth in the name of a visitor of the staff."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._users = auth_pb2_grpc.UserServiceStub(channel)

    async def of(self, visitor: Visitor, user_ids: Iterable[str]) -> Mapping[str, str]:
        """Address by id. A page stands without them, so who cannot be read, or is gone, is left out."""
        asked = sorted(set(user_ids) - {""})
        found: dict[str, str] = {}
        for begin in range(0, len(asked), _AT_ONCE):
            request = auth_pb2.ListUsersRequest(user_ids=asked[begin : begin + _AT_ONCE], page_size=_AT_ONCE)
            try:
                with client.translated():
                    page = await self._users.ListUsers(request, metadata=client.bearer(visitor.identity))
            except errors.DaydreamError:
                break
            found |= {user.user_id: user.email for user in page.users}
        return found
