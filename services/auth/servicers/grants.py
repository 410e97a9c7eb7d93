"""GrantService over gRPC."""

from typing import Any

import grpc
from daydream.auth.v1 import grants_pb2, grants_pb2_grpc

from services.auth.delegations import Delegations
from services.auth.servicers import convert
from services.auth.sign_ins import SignIns
from services.foundation.identity import caller

Context = grpc.aio.ServicerContext[Any, Any]


class GrantServicer(grants_pb2_grpc.GrantServiceServicer):
    """What the plugin host gets to know and may do."""

    def __init__(self, sign_ins: SignIns, delegations: Delegations) -> None:
        """What answers the calls."""
        self._sign_ins, self._delegations = sign_ins, delegations

    async def IssueSignInCode(
        self, request: grants_pb2.IssueSignInCodeRequest, context: Context
    ) -> grants_pb2.IssueSignInCodeResponse:
        """Make a code."""
        code, expire_time = await self._sign_ins.issue_code(caller())
        return grants_pb2.IssueSignInCodeResponse(code=code, expire_time=convert.timestamp(expire_time))

    async def RedeemSignInCode(
        self, request: grants_pb2.RedeemSignInCodeRequest, context: Context
    ) -> grants_pb2.RedeemSignInCodeResponse:
        """Exchange a code for a sign-in."""
        signed_in = await self._sign_ins.redeem_code(request.code)
        return grants_pb2.RedeemSignInCodeResponse(
            sign_in_secret=signed_in.secret,
            expire_time=convert.timestamp(signed_in.expire_time),
            user=convert.user(signed_in.user),
            identity_token=convert.identity_token(signed_in.identity_token),
        )

    async def ResolveSignIn(
        self, request: grants_pb2.ResolveSignInRequest, context: Context
    ) -> grants_pb2.ResolveSignInResponse:
        """Exchange a sign-in for an identity token."""
        resolved = await self._sign_ins.resolve(request.sign_in_secret)
        return grants_pb2.ResolveSignInResponse(
            user=convert.user(resolved.user), identity_token=convert.identity_token(resolved.identity_token)
        )

    async def IssuePluginToken(
        self, request: grants_pb2.IssuePluginTokenRequest, context: Context
    ) -> grants_pb2.IssuePluginTokenResponse:
        """Give a program its token."""
        token = await self._sign_ins.issue_token(caller())
        return grants_pb2.IssuePluginTokenResponse(identity_token=convert.identity_token(token))

    async def CreateDelegation(
        self, request: grants_pb2.CreateDelegationRequest, context: Context
    ) -> grants_pb2.CreateDelegationResponse:
        """Make a delegation."""
        made = await self._delegations.create(subject_token=request.subject_token, reference=request.reference)
        return grants_pb2.CreateDelegationResponse(
            delegation_id=made.delegation_id, expire_time=convert.timestamp(made.expire_time)
        )

    async def IssueDelegatedToken(
        self, request: grants_pb2.IssueDelegatedTokenRequest, context: Context
    ) -> grants_pb2.IssueDelegatedTokenResponse:
        """Give a token of a delegation."""
        token = await self._delegations.issue_token(request.delegation_id)
        return grants_pb2.IssueDelegatedTokenResponse(identity_token=convert.identity_token(token))

    async def EndDelegation(
        self, request: grants_pb2.EndDelegationRequest, context: Context
    ) -> grants_pb2.EndDelegationResponse:
        """End a delegation."""
        await self._delegations.end(request.delegation_id)
        return grants_pb2.EndDelegationResponse()
