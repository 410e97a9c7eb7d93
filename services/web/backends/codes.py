"""Codes as staff ask auth for them: making them, listing them, making them worthless."""

import grpc
from daydream.auth.v1 import codes_pb2, codes_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation.rpc import client
from services.web.backends.accounts import Visitor


class Codes:
    """Calls auth in the name of a visitor of the staff."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._codes = codes_pb2_grpc.CodeServiceStub(channel)

    async def listing(self, visitor: Visitor, *, page_token: str, page_size: int) -> codes_pb2.ListCodesResponse:
        """A page of codes without their text, newest first. Raises InvalidInput."""
        request = codes_pb2.ListCodesRequest(page_token=page_token, page_size=page_size)
        with client.translated():
            return await self._codes.ListCodes(request, metadata=client.bearer(visitor.identity))

    async def issue(
        self,
        visitor: Visitor,
        *,
        kind: codes_pb2.CodeKind.ValueType,
        tokens: int,
        reason: str,
        uses: int,
        expires: Timestamp | None,
    ) -> codes_pb2.IssueCodeResponse:
        """Make a code; its text is told here and never again. Raises InvalidInput."""
        request = codes_pb2.IssueCodeRequest(
            kind=kind, tokens=tokens, reason=reason, max_redemptions=uses, expire_time=expires
        )
        with client.translated():
            return await self._codes.IssueCode(request, metadata=client.bearer(visitor.identity))

    async def withdraw(self, visitor: Visitor, code_id: str) -> codes_pb2.Code:
        """Make a code worthless from now on; twice is no error. Raises NotFound."""
        request = codes_pb2.WithdrawCodeRequest(code_id=code_id)
        with client.translated():
            return (await self._codes.WithdrawCode(request, metadata=client.bearer(visitor.identity))).code
