"""UserService over gRPC."""

from typing import Any

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.auth.accounts import Accounts
from services.auth.servicers import convert
from services.foundation.identity import caller

Context = grpc.aio.ServicerContext[Any, Any]


class UserServicer(auth_pb2_grpc.UserServiceServicer):
    """Profiles."""

    def __init__(self, accounts: Accounts) -> None:
        """What answers the calls."""
        self._accounts = accounts

    async def GetUser(self, request: auth_pb2.GetUserRequest, context: Context) -> auth_pb2.GetUserResponse:
        """Read one user."""
        user = await self._accounts.get(caller(), request.user_id)
        return auth_pb2.GetUserResponse(user=convert.user(user))

    async def ListUsers(self, request: auth_pb2.ListUsersRequest, context: Context) -> auth_pb2.ListUsersResponse:
        """List users."""
        page = await self._accounts.listing(
            query=request.query,
            user_ids=tuple(request.user_ids),
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return auth_pb2.ListUsersResponse(
            users=[convert.user(each) for each in page.items],
            next_page_token=page.next_page_token,
            total_size=page.total,
        )

    async def UpdateUser(self, request: auth_pb2.UpdateUserRequest, context: Context) -> auth_pb2.UpdateUserResponse:
        """Change the profile fields that are set."""
        changes: dict[str, str] = {}
        if request.HasField("email"):
            changes["email"] = request.email
        if request.HasField("username"):
            changes["username"] = request.username
        if request.HasField("first_name"):
            changes["first_name"] = request.first_name
        if request.HasField("last_name"):
            changes["last_name"] = request.last_name
        if request.HasField("mobile"):
            changes["mobile"] = request.mobile
        user = await self._accounts.update(caller(), request.user_id, changes)
        return auth_pb2.UpdateUserResponse(user=convert.user(user))

    async def ChangePassword(
        self, request: auth_pb2.ChangePasswordRequest, context: Context
    ) -> auth_pb2.ChangePasswordResponse:
        """Set a new password."""
        ended = await self._accounts.change_password(
            caller(), current=request.current_password, new=request.new_password
        )
        return auth_pb2.ChangePasswordResponse(ended_sessions=ended)
