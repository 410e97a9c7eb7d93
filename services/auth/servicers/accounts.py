"""AccountService over gRPC."""

from typing import Any

import grpc
from daydream.auth.v1 import accounts_pb2, accounts_pb2_grpc

from services.auth.resets import Resets
from services.auth.servicers import convert
from services.auth.standing import Standing
from services.foundation.identity import caller

Context = grpc.aio.ServicerContext[Any, Any]


class AccountServicer(accounts_pb2_grpc.AccountServiceServicer):
    """What happens to whole accounts."""

    def __init__(self, resets: Resets, standing: Standing) -> None:
        """What answers the calls."""
        self._resets, self._standing = resets, standing

    async def CreateResetLink(
        self, request: accounts_pb2.CreateResetLinkRequest, context: Context
    ) -> accounts_pb2.CreateResetLinkResponse:
        """Make a reset link."""
        link, secret = await self._resets.create(caller().subject, user_id=request.user_id)
        return accounts_pb2.CreateResetLinkResponse(secret=secret, expire_time=convert.timestamp(link.expire_time))

    async def ResetPassword(
        self, request: accounts_pb2.ResetPasswordRequest, context: Context
    ) -> accounts_pb2.ResetPasswordResponse:
        """Set a new password."""
        ended = await self._resets.redeem(request.secret, request.new_password)
        return accounts_pb2.ResetPasswordResponse(ended_sessions=ended)

    async def SuspendUser(
        self, request: accounts_pb2.SuspendUserRequest, context: Context
    ) -> accounts_pb2.SuspendUserResponse:
        """Keep a person out."""
        user = await self._standing.suspend(caller(), request.user_id)
        return accounts_pb2.SuspendUserResponse(user=convert.user(user))

    async def RestoreUser(
        self, request: accounts_pb2.RestoreUserRequest, context: Context
    ) -> accounts_pb2.RestoreUserResponse:
        """Let a person in again."""
        user = await self._standing.restore(caller(), request.user_id)
        return accounts_pb2.RestoreUserResponse(user=convert.user(user))

    async def DeleteUser(
        self, request: accounts_pb2.DeleteUserRequest, context: Context
    ) -> accounts_pb2.DeleteUserResponse:
        """Delete an account."""
        await self._standing.delete(caller(), request.user_id, password=request.password)
        return accounts_pb2.DeleteUserResponse()
