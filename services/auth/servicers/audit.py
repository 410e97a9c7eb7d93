"""AuditService over gRPC."""

from typing import Any

import grpc
from daydream.auth.v1 import audit_pb2, audit_pb2_grpc

from services.auth.audit import Audit
from services.auth.servicers import convert

Context = grpc.aio.ServicerContext[Any, Any]


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """What staff did."""

    def __init__(self, audit: Audit) -> None:
        """What answers the calls."""
        self._audit = audit

    async def ListDeeds(self, request: audit_pb2.ListDeedsRequest, context: Context) -> audit_pb2.ListDeedsResponse:
        """List the log."""
        page = await self._audit.listing(
            page_size=request.page_size,
            page_token=request.page_token,
            user_id=request.user_id,
            staff_id=request.staff_id,
            kinds=convert.to_deed_kinds(request.kinds),
        )
        return audit_pb2.ListDeedsResponse(
            deeds=[convert.deed(each) for each in page.items], next_page_token=page.next_page_token
        )
