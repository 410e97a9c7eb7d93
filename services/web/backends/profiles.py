"""A person's own profile, password and account, as auth keeps them."""

from collections.abc import Mapping

import grpc
from daydream.auth.v1 import accounts_pb2, accounts_pb2_grpc, auth_pb2, auth_pb2_grpc

from services.foundation.rpc import client
from services.web.backends.accounts import Visitor


class Profiles:
    """Calls auth in the visitor's name."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._users = auth_pb2_grpc.UserServiceStub(channel)
        self._accounts = accounts_pb2_grpc.AccountServiceStub(channel)

    async def get(self, visitor: Visitor) -> auth_pb2.User:
        """The visitor's profile."""
        with client.translated():
            answer = await self._users.GetUser(auth_pb2.GetUserRequest(), metadata=client.bearer(visitor.identity))
        return answer.user

    async def change(self, visitor: Visitor, changes: Mapping[str, str]) -> auth_pb2.User:
        """Set the fields given by name. Raises InvalidInput, AlreadyExists EMAIL_TAKEN."""
        request = auth_pb2.UpdateUserRequest(**changes)
        with client.translated():
            return (await self._users.UpdateUser(request, metadata=client.bearer(visitor.identity))).user

    async def change_password(self, visitor: Visitor, *, current: str, new: str) -> int:
        """Set a new password; how many other sessions that ended.

        Raises NotAuthenticated WRONG_CREDENTIALS, InvalidInput, TooMuch.
        """
        request = auth_pb2.ChangePasswordRequest(current_password=current, new_password=new)
        with client.translated():
            answer = await self._users.ChangePassword(request, metadata=client.bearer(visitor.identity))
        return int(answer.ended_sessions)

    async def delete(self, visitor: Visitor, *, password: str) -> None:
        """Delete the visitor's account for good.

        Raises NotAuthenticated WRONG_CREDENTIALS, NotPossibleNow LAST_STAFF_ACCOUNT, TooMuch.
        """
        request = accounts_pb2.DeleteUserRequest(password=password)
        with client.translated():
            await self._accounts.DeleteUser(request, metadata=client.bearer(visitor.identity))
