"""auth as the plugin host sees it, in memory: keys, its service token, one-use codes and the sign-ins they give."""

import secrets
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from daydream.auth.v1 import auth_pb2, auth_pb2_grpc, grants_pb2, grants_pb2_grpc

from services.foundation import errors, identity
from services.foundation.rpc import server
from tests.support import identity as tokens

SERVICES = ("daydream.auth.v1.AuthService", "daydream.auth.v1.GrantService")
HOSTS = identity.services("plugins")
ACCESS = {
    "/daydream.auth.v1.AuthService/ListSigningKeys": identity.PUBLIC,
    "/daydream.auth.v1.AuthService/IssueServiceToken": identity.PUBLIC,
    "/daydream.auth.v1.GrantService/RedeemSignInCode": HOSTS,
    "/daydream.auth.v1.GrantService/ResolveSignIn": HOSTS,
}
SECRET = "the host's secret in tests"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who signed in, and in which session."""

    user_id: str
    session_id: str = "session-1"
    staff: bool = False

    def token(self, *, lifetime: float = 300, session: bool = True) -> str:
        """An identity token that only the plugin host believes."""
        return tokens.mint(
            self.user_id,
            role="staff" if self.staff else "user",
            scopes=("generate", "read", "admin") if self.staff else ("generate", "read"),
            session_id=self.session_id if session else "",
            audience=("plugins",),
            lifetime=lifetime,
        )


class _Auth(auth_pb2_grpc.AuthServiceServicer):
    async def ListSigningKeys(self, request: Any, context: Any) -> auth_pb2.ListSigningKeysResponse:
        key = auth_pb2.SigningKey(key_id=tokens.KEY_ID, public_key=tokens.PUBLIC_KEY)
        return auth_pb2.ListSigningKeysResponse(signing_keys=[key])

    async def IssueServiceToken(self, request: Any, context: Any) -> auth_pb2.IssueServiceTokenResponse:
        if request.secret != SECRET:
            raise errors.NotAuthenticated(reason="WRONG_SERVICE_SECRET")
        answer = auth_pb2.IssueServiceTokenResponse()
        answer.identity_token.token = tokens.mint_service(request.service)
        answer.identity_token.expire_time.FromSeconds(int(time.time()) + 300)
        return answer


class FakeGrants(grants_pb2_grpc.GrantServiceServicer):
    """Codes and sign-ins, with auth's own semantics; `away` refuses as a service that does not answer."""

    def __init__(self) -> None:
        """Nobody is signed in."""
        self.codes: dict[str, Person] = {}
        self.sign_ins: dict[str, Person] = {}
        self.asked: Counter[str] = Counter()
        """How often auth was asked, by sign-in secret."""
        self.away = False
        self._server: server.Server | None = None

    def code(self, person: Person) -> str:
        """A code as the studio gets it."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = person
        return code

    def sign_in(self, person: Person) -> str:
        """What the cookie of somebody who came with a code carries."""
        secret = secrets.token_urlsafe(16)
        self.sign_ins[secret] = person
        return secret

    async def RedeemSignInCode(self, request: Any, context: Any) -> grants_pb2.RedeemSignInCodeResponse:
        """Once."""
        self._answer_or_be_away()
        person = self.codes.pop(request.code, None)
        if person is None:
            raise errors.NotAuthenticated(reason="SIGN_IN_CODE_NOT_VALID")
        answer = grants_pb2.RedeemSignInCodeResponse(sign_in_secret=self.sign_in(person))
        answer.identity_token.token = person.token()
        answer.expire_time.FromSeconds(int(time.time()) + 3600)
        return answer

    async def ResolveSignIn(self, request: Any, context: Any) -> grants_pb2.ResolveSignInResponse:
        """While it is there."""
        self._answer_or_be_away()
        self.asked[request.sign_in_secret] += 1
        person = self.sign_ins.get(request.sign_in_secret)
        if person is None:
            raise errors.NotAuthenticated(reason="SESSION_ENDED")
        answer = grants_pb2.ResolveSignInResponse()
        answer.identity_token.token = person.token()
        return answer

    def _answer_or_be_away(self) -> None:
        if self.away:
            raise errors.Unavailable

    async def start(self, address: str) -> None:
        """Listen."""
        verifier = identity.Verifier(audience="auth", fetch_keys=tokens.fetch_keys)
        self._server = server.Server(verifier=verifier, access=ACCESS)
        auth_pb2_grpc.add_AuthServiceServicer_to_server(_Auth(), self._server.grpc)  # type: ignore[abstract]
        grants_pb2_grpc.add_GrantServiceServicer_to_server(self, self._server.grpc)
        await self._server.start(address, SERVICES)
        await self._server.ready()

    async def stop(self) -> None:
        """Be gone at once."""
        if self._server is not None:
            await self._server.grpc.stop(None)
