"""Codes as staff ask auth for them, in memory: part of the made-up auth."""

import itertools
from typing import Any

from daydream.auth.v1 import audit_pb2, codes_pb2, codes_pb2_grpc

from services.auth.errors import CodeNotFound
from services.foundation import errors
from tests.support.gateway_people import paged, stamp


class FakeCodes(codes_pb2_grpc.CodeServiceServicer):
    """Makes codes, lists them, makes them worthless."""

    def __init__(self) -> None:
        """None yet."""
        super().__init__()
        self.codes: list[codes_pb2.Code] = []
        """Oldest first."""
        self._code_numbers = itertools.count(1)

    async def IssueCode(self: Any, request: Any, _call: Any) -> codes_pb2.IssueCodeResponse:
        """With a text that is told once."""
        staff_id = self._only_staff()
        if request.HasField("expire_time") and request.expire_time.seconds <= stamp().seconds:
            wrong = "A code expires in the future."
            raise errors.InvalidInput.of(errors.FieldViolation(field="expire_time", description=wrong))
        number = next(self._code_numbers)
        code = codes_pb2.Code(
            code_id=f"code-{number}",
            kind=request.kind,
            prefix=f"AAAA{number}",
            tokens=request.tokens,
            reason=request.reason,
            max_redemptions=request.max_redemptions or 1,
            created_by=staff_id,
            created_time=stamp(),
        )
        if request.HasField("expire_time"):
            code.expire_time.CopyFrom(request.expire_time)
        self.codes.append(code)
        self.note(audit_pb2.DEED_KIND_CODE_ISSUED, staff_id, request.reason, code_id=code.code_id)
        return codes_pb2.IssueCodeResponse(code=code, text=f"{code.prefix}-BBBBB-CCCCC-DDDDD-EEEEE")

    async def ListCodes(self: Any, request: Any, _call: Any) -> codes_pb2.ListCodesResponse:
        """Newest first, paged."""
        self._only_staff()
        page, more = paged(self.codes[::-1], request)
        return codes_pb2.ListCodesResponse(codes=page, next_page_token=more)

    async def WithdrawCode(self: Any, request: Any, _call: Any) -> codes_pb2.WithdrawCodeResponse:
        """Twice is no error."""
        staff_id = self._only_staff()
        code = next((each for each in self.codes if each.code_id == request.code_id), None)
        if code is None:
            raise CodeNotFound
        if not code.HasField("withdrawn_time"):
            code.withdrawn_time.CopyFrom(stamp())
        self.note(audit_pb2.DEED_KIND_CODE_WITHDRAWN, staff_id, code.reason, code_id=code.code_id)
        return codes_pb2.WithdrawCodeResponse(code=code)
