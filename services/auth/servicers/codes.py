"""CodeService over gRPC."""

from typing import Any

import grpc
from daydream.auth.v1 import codes_pb2, codes_pb2_grpc

from services.auth.codes import Codes
from services.auth.servicers import convert
from services.foundation.identity import caller

Context = grpc.aio.ServicerContext[Any, Any]


class CodeServicer(codes_pb2_grpc.CodeServiceServicer):
    """Codes that staff hand out."""

    def __init__(self, codes: Codes) -> None:
        """What answers the calls."""
        self._codes = codes

    async def IssueCode(self, request: codes_pb2.IssueCodeRequest, context: Context) -> codes_pb2.IssueCodeResponse:
        """Make a code."""
        expires = request.HasField("expire_time")
        code, text = await self._codes.issue(
            caller().subject,
            kind=convert.to_code_kind(request.kind),
            tokens=request.tokens,
            reason=request.reason,
            max_redemptions=request.max_redemptions,
            expire_time=convert.to_time("expire_time", request.expire_time) if expires else None,
        )
        return codes_pb2.IssueCodeResponse(code=convert.code(code), text=text)

    async def ListCodes(self, request: codes_pb2.ListCodesRequest, context: Context) -> codes_pb2.ListCodesResponse:
        """List codes."""
        page = await self._codes.listing(page_size=request.page_size, page_token=request.page_token)
        return codes_pb2.ListCodesResponse(
            codes=[convert.code(each) for each in page.items], next_page_token=page.next_page_token
        )

    async def WithdrawCode(
        self, request: codes_pb2.WithdrawCodeRequest, context: Context
    ) -> codes_pb2.WithdrawCodeResponse:
        """Make a code worthless."""
        code = await self._codes.withdraw(caller().subject, request.code_id)
        return codes_pb2.WithdrawCodeResponse(code=convert.code(code))

    async def RedeemCode(self, request: codes_pb2.RedeemCodeRequest, context: Context) -> codes_pb2.RedeemCodeResponse:
        """Redeem a code."""
        entry = await self._codes.redeem(caller(), request.text)
        return codes_pb2.RedeemCodeResponse(entry=convert.entry(entry))
