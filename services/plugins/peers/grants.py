"""auth, asked who signed in at this host, and for the right to act for them.

Every call stands under the service token of `plugins`. What auth refuses a person comes out as it is; when it is this
service that auth does not believe, the person is told to try again, and the log why.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import grpc
from daydream.auth.v1 import grants_pb2, grants_pb2_grpc

from services.foundation import errors, logs
from services.foundation.rpc import client

log = logs.logger(__name__)
T = TypeVar("T")

# What auth answers when it is our own service token that it does not believe.
_OUR_FAULT: Final = frozenset({"INVALID_IDENTITY_TOKEN", "NOT_AUTHENTICATED", "NOT_ALLOWED"})


class AuthUnavailable(errors.Unavailable):
    """Who you are cannot be found out at the moment; try again in a moment."""

    reason = "AUTH_UNAVAILABLE"


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """A sign-in that a code was exchanged for."""

    secret: str = field(repr=False)
    """What the host's cookie carries."""
    expires: float
    """When it ends by itself, in seconds since 1970."""
    token: str = field(repr=False)
    """An identity token of the person, which only this host believes."""


class Grants:
    """auth's GrantService; all methods raise AuthUnavailable when it does not answer."""

    def __init__(self, channel: grpc.aio.Channel, ourselves: client.ServiceIdentity) -> None:
        """`ourselves` gives the service token of `plugins`. Nothing connects yet."""
        self._stub = grants_pb2_grpc.GrantServiceStub(channel)
        self._ourselves = ourselves

    async def redeem_code(self, code: str) -> SignIn:
        """Exchange a one-use code for a sign-in. Raises NotAuthenticated for one that is not good (any more)."""
        request = grants_pb2.RedeemSignInCodeRequest(code=code)
        answer = await self._in_our_name(lambda ours: self._stub.RedeemSignInCode(request, metadata=ours))
        return SignIn(
            secret=answer.sign_in_secret,
            expires=answer.expire_time.ToMilliseconds() / 1000,
            token=answer.identity_token.token,
        )

    async def resolve_sign_in(self, secret: str) -> str:
        """An identity token of whose sign-in it is. Raises NotAuthenticated when it is over or never was."""
        request = grants_pb2.ResolveSignInRequest(sign_in_secret=secret)
        answer = await self._in_our_name(lambda ours: self._stub.ResolveSignIn(request, metadata=ours))
        return answer.identity_token.token

    async def create_delegation(self, subject_token: str, reference: str) -> str:
        """The id of a delegation to generate for whoever the token names; the same reference gives the same one.

        Raises NotAuthenticated for a token that is over, NotAllowed for one without the generate scope,
        NotPossibleNow DELEGATION_ENDED.
        """
        request = grants_pb2.CreateDelegationRequest(subject_token=subject_token, reference=reference)

        async def ask(ours: grpc.aio.Metadata) -> grants_pb2.CreateDelegationResponse:
            return await self._stub.CreateDelegation(request, metadata=ours)

        # The person's token and ours are refused with the same words: asked twice, it is theirs.
        answer = await self._in_our_name(ask, theirs=True)
        return answer.delegation_id

    async def issue_delegated_token(self, delegation_id: str) -> str:
        """A token of it for the ledger. Raises NotAuthenticated DELEGATION_ENDED."""
        request = grants_pb2.IssueDelegatedTokenRequest(delegation_id=delegation_id)
        answer = await self._in_our_name(lambda ours: self._stub.IssueDelegatedToken(request, metadata=ours))
        return answer.identity_token.token

    async def end_delegation(self, delegation_id: str) -> None:
        """End it; ending it twice is no error."""
        request = grants_pb2.EndDelegationRequest(delegation_id=delegation_id)
        await self._in_our_name(lambda ours: self._stub.EndDelegation(request, metadata=ours))

    async def _in_our_name(self, ask: Callable[[grpc.aio.Metadata], Awaitable[T]], *, theirs: bool = False) -> T:
        """`theirs`: a second refusal is about the person, not about this service."""
        try:
            return await self._asked(ask)
        except (errors.NotAuthenticated, errors.NotAllowed) as error:
            if error.detail_reason not in _OUR_FAULT:
                raise
            # auth may sign with another key since the token was made. What was not believed was not done either.
            self._ourselves.forget()
        try:
            return await self._asked(ask)
        except (errors.NotAuthenticated, errors.NotAllowed) as error:
            if theirs or error.detail_reason not in _OUR_FAULT:
                raise
            log.exception("auth does not believe this service", reason=error.detail_reason)
            raise AuthUnavailable from error

    async def _asked(self, ask: Callable[[grpc.aio.Metadata], Awaitable[T]]) -> T:
        try:
            ours = await self._ourselves.metadata()
        except errors.DaydreamError as error:
            # It has logged why: auth is away, or does not know the secret, which is an operator's matter.
            raise AuthUnavailable from error
        try:
            with client.translated():
                return await ask(ours)
        except errors.Unavailable as error:
            raise AuthUnavailable from error
