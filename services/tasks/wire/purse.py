"""The purse that auth keeps, over gRPC; what auth refuses becomes what the ledger knows."""

from typing import Final

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.foundation import errors, logs
from services.foundation.rpc import client
from services.tasks.errors import AccountClosed, AuthUnavailable, NotEnoughTokens

log = logs.logger(__name__)
RETRY_SECONDS: Final = 2.0
# What auth says of an account that may spend nothing, or is there no more.
_CLOSED: Final = frozenset({"ACCOUNT_SUSPENDED", "USER_NOT_FOUND"})


class GrpcPurse:
    """Calls auth's PurseService in this service's own name."""

    def __init__(self, auth: grpc.aio.Channel, identity: client.ServiceIdentity) -> None:
        """Nothing connects yet."""
        self._stub = auth_pb2_grpc.PurseServiceStub(auth)
        self._identity = identity

    async def hold(self, *, hold_id: str, user_id: str, tokens: int, reason: str) -> None:
        """Take tokens aside. Raises NotEnoughTokens, AccountClosed or AuthUnavailable."""
        request = auth_pb2.HoldTokensRequest(hold_id=hold_id, user_id=user_id, tokens=tokens, reason=reason)
        try:
            with client.translated():
                await self._stub.HoldTokens(request, metadata=await self._identity.metadata())
        except errors.DaydreamError as error:
            if error.detail_reason == NotEnoughTokens.reason:
                raise NotEnoughTokens(error.message, metadata=error.metadata) from error
            if error.detail_reason in _CLOSED:
                raise AccountClosed from error
            raise self._unavailable("HoldTokens", hold_id, error) from error

    async def settle(self, *, hold_id: str, user_id: str, charge: int, reason: str) -> None:
        """Keep `charge`, return the rest. Raises AuthUnavailable."""
        request = auth_pb2.SettleHoldRequest(hold_id=hold_id, user_id=user_id, charge=charge, reason=reason)
        try:
            with client.translated():
                await self._stub.SettleHold(request, metadata=await self._identity.metadata())
        except errors.DaydreamError as error:
            raise self._unavailable("SettleHold", hold_id, error) from error

    @staticmethod
    def _unavailable(method: str, hold_id: str, error: errors.DaydreamError) -> AuthUnavailable:
        # A secret auth does not know, say, is an operator's matter: the log has it, the person reads "try again".
        log.warning("purse refused", method=method, hold_id=hold_id, reason=error.detail_reason, detail=error.metadata)
        return AuthUnavailable(retry_after=RETRY_SECONDS)
