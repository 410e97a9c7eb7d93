"""AuthService over gRPC."""

from typing import Any

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.auth.accounts import Accounts
from services.auth.keys import ApiKeys
from services.auth.service_secrets import ServiceSecrets
from services.auth.servicers import convert
from services.auth.sessions import Sessions
from services.auth.tokens import Signer
from services.foundation.identity import caller

Context = grpc.aio.ServicerContext[Any, Any]


class AuthServicer(auth_pb2_grpc.AuthServiceServicer):
    """Sessions, API keys and identity tokens."""

    def __init__(
        self, accounts: Accounts, sessions: Sessions, keys: ApiKeys, service_secrets: ServiceSecrets, signer: Signer
    ) -> None:
        """What answers the calls."""
        self._accounts, self._sessions, self._keys = accounts, sessions, keys
        self._service_secrets, self._signer = service_secrets, signer

    async def GetSignUpMode(
        self, request: auth_pb2.GetSignUpModeRequest, context: Context
    ) -> auth_pb2.GetSignUpModeResponse:
        """Say who may make an account, and what it begins with."""
        return auth_pb2.GetSignUpModeResponse(
            mode=convert.SIGN_UP_MODES[self._accounts.sign_up_mode], sign_up_tokens=self._accounts.sign_up_tokens
        )

    async def SignUp(self, request: auth_pb2.SignUpRequest, context: Context) -> auth_pb2.SignUpResponse:
        """Create an account and open its first session."""
        opened = await self._accounts.sign_up(
            email=request.email,
            password=request.password,
            username=request.username,
            user_agent=request.user_agent,
            code=request.code,
        )
        return auth_pb2.SignUpResponse(opened=convert.opened(opened))

    async def SignIn(self, request: auth_pb2.SignInRequest, context: Context) -> auth_pb2.SignInResponse:
        """Open a session."""
        opened = await self._accounts.sign_in(
            email=request.email,
            password=request.password,
            stay_signed_in=request.stay_signed_in,
            user_agent=request.user_agent,
        )
        return auth_pb2.SignInResponse(opened=convert.opened(opened))

    async def SignOut(self, request: auth_pb2.SignOutRequest, context: Context) -> auth_pb2.SignOutResponse:
        """End the session of the secret."""
        await self._sessions.sign_out(request.session_secret)
        return auth_pb2.SignOutResponse()

    async def ResolveSession(
        self, request: auth_pb2.ResolveSessionRequest, context: Context
    ) -> auth_pb2.ResolveSessionResponse:
        """Exchange a session secret for an identity token."""
        resolved = await self._sessions.resolve(request.session_secret)
        return auth_pb2.ResolveSessionResponse(
            session=convert.session(resolved.session),
            user=convert.user(resolved.user),
            identity_token=convert.identity_token(resolved.identity_token),
        )

    async def ResolveApiKey(
        self, request: auth_pb2.ResolveApiKeyRequest, context: Context
    ) -> auth_pb2.ResolveApiKeyResponse:
        """Exchange an API key for an identity token."""
        resolved = await self._keys.resolve(request.api_key)
        return auth_pb2.ResolveApiKeyResponse(
            api_key=convert.api_key(resolved.key),
            user=convert.user(resolved.user),
            identity_token=convert.identity_token(resolved.identity_token),
        )

    async def ListSessions(
        self, request: auth_pb2.ListSessionsRequest, context: Context
    ) -> auth_pb2.ListSessionsResponse:
        """List the caller's sessions."""
        page = await self._sessions.listing(caller(), page_size=request.page_size, page_token=request.page_token)
        return auth_pb2.ListSessionsResponse(
            sessions=[convert.session(each) for each in page.items], next_page_token=page.next_page_token
        )

    async def EndSession(self, request: auth_pb2.EndSessionRequest, context: Context) -> auth_pb2.EndSessionResponse:
        """End one of the caller's sessions."""
        await self._sessions.end(caller(), request.session_id)
        return auth_pb2.EndSessionResponse()

    async def CreateApiKey(
        self, request: auth_pb2.CreateApiKeyRequest, context: Context
    ) -> auth_pb2.CreateApiKeyResponse:
        """Make an API key."""
        key, secret = await self._keys.create(caller(), name=request.name, scopes=tuple(request.scopes))
        return auth_pb2.CreateApiKeyResponse(api_key=convert.api_key(key), secret=secret)

    async def ListApiKeys(self, request: auth_pb2.ListApiKeysRequest, context: Context) -> auth_pb2.ListApiKeysResponse:
        """List the caller's API keys."""
        page = await self._keys.listing(caller(), page_size=request.page_size, page_token=request.page_token)
        return auth_pb2.ListApiKeysResponse(
            api_keys=[convert.api_key(each) for each in page.items], next_page_token=page.next_page_token
        )

    async def RevokeApiKey(
        self, request: auth_pb2.RevokeApiKeyRequest, context: Context
    ) -> auth_pb2.RevokeApiKeyResponse:
        """Revoke one of the caller's API keys."""
        await self._keys.revoke(caller(), request.api_key_id)
        return auth_pb2.RevokeApiKeyResponse()

    async def IssueServiceToken(
        self, request: auth_pb2.IssueServiceTokenRequest, context: Context
    ) -> auth_pb2.IssueServiceTokenResponse:
        """Give a service its token."""
        token = self._service_secrets.issue(request.service, request.secret)
        return auth_pb2.IssueServiceTokenResponse(identity_token=convert.identity_token(token))

    async def ListSigningKeys(
        self, request: auth_pb2.ListSigningKeysRequest, context: Context
    ) -> auth_pb2.ListSigningKeysResponse:
        """Give the public keys."""
        return auth_pb2.ListSigningKeysResponse(
            signing_keys=[
                auth_pb2.SigningKey(key_id=key_id, public_key=raw) for key_id, raw in self._signer.public_keys().items()
            ]
        )
