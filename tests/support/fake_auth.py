"""auth as the other services see it, in memory: signing keys, service tokens, and a purse with auth's own semantics.

Its servicers can be served on a real port (`FakeAuth.start`), and stopped and started again as a fault would.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.foundation import errors, identity
from services.foundation.rpc import server
from tests.support import identity as tokens

ACCESS: Final = {
    "/daydream.auth.v1.AuthService/ListSigningKeys": identity.PUBLIC,
    "/daydream.auth.v1.AuthService/IssueServiceToken": identity.PUBLIC,
    "/daydream.auth.v1.PurseService/HoldTokens": identity.services("tasks"),
    "/daydream.auth.v1.PurseService/SettleHold": identity.services("tasks"),
}
SERVICES: Final = ("daydream.auth.v1.AuthService", "daydream.auth.v1.PurseService")


@dataclass
class Hold:
    """One hold, or the tombstone of one that never came."""

    user_id: str
    tokens: int
    charge: int | None = None


@dataclass
class Purse:
    """Balances and holds. Both calls are idempotent, as auth's are."""

    default_balance: int = 1_000
    balances: dict[str, int] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    closed: dict[str, errors.DaydreamError] = field(default_factory=dict)
    hold_calls: int = 0
    settle_calls: int = 0

    def balance(self, user_id: str) -> int:
        """What a user has free to spend."""
        return self.balances.setdefault(user_id, self.default_balance)

    def hold(self, hold_id: str, user_id: str, tokens: int) -> int:
        """Take tokens aside."""
        self.hold_calls += 1
        if user_id in self.closed:
            raise self.closed[user_id]
        before = self.holds.get(hold_id)
        if before is not None:
            if before.charge is not None and before.tokens == 0:
                raise errors.NotPossibleNow("The hold was released.", reason="HOLD_SETTLED")
            if (before.user_id, before.tokens) != (user_id, tokens):
                raise errors.RequestIdReused
            return self.balance(user_id)
        if self.balance(user_id) < tokens:
            raise errors.NotPossibleNow(
                "You have too few tokens for this.",
                reason="NOT_ENOUGH_TOKENS",
                metadata={"price": str(tokens), "balance": str(self.balance(user_id))},
            )
        self.balances[user_id] -= tokens
        self.holds[hold_id] = Hold(user_id, tokens)
        return self.balance(user_id)

    def settle(self, hold_id: str, user_id: str, charge: int) -> int:
        """Keep some of a hold, return the rest."""
        self.settle_calls += 1
        hold = self.holds.setdefault(hold_id, Hold(user_id, 0))
        if hold.charge is not None:
            if hold.charge != charge:
                raise errors.RequestIdReused
            return hold.tokens - charge
        if charge > hold.tokens:
            raise errors.InvalidInput("More than was held.")
        hold.charge = charge
        self.balances[user_id] = self.balance(user_id) + hold.tokens - charge
        return hold.tokens - charge


class _Auth(auth_pb2_grpc.AuthServiceServicer):
    async def ListSigningKeys(self, request: Any, context: Any) -> auth_pb2.ListSigningKeysResponse:
        key = auth_pb2.SigningKey(key_id=tokens.KEY_ID, public_key=tokens.PUBLIC_KEY)
        return auth_pb2.ListSigningKeysResponse(signing_keys=[key])

    async def IssueServiceToken(self, request: Any, context: Any) -> auth_pb2.IssueServiceTokenResponse:
        answer = auth_pb2.IssueServiceTokenResponse()
        answer.identity_token.token = tokens.mint_service(request.service)
        answer.identity_token.expire_time.GetCurrentTime()
        answer.identity_token.expire_time.seconds += 300
        return answer


class _Purse(auth_pb2_grpc.PurseServiceServicer):
    def __init__(self, purse: Purse) -> None:
        self._purse = purse

    async def HoldTokens(self, request: Any, context: Any) -> auth_pb2.HoldTokensResponse:
        left = self._purse.hold(request.hold_id, request.user_id, request.tokens)
        return auth_pb2.HoldTokensResponse(tokens=left)

    async def SettleHold(self, request: Any, context: Any) -> auth_pb2.SettleHoldResponse:
        returned = self._purse.settle(request.hold_id, request.user_id, request.charge)
        return auth_pb2.SettleHoldResponse(returned=returned)


class FakeAuth:
    """The fake behind a real port."""

    def __init__(self, address: str) -> None:
        """Nothing listens yet; the purse outlives every stop."""
        self.address = address
        self.purse = Purse()
        self._server: server.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = server.Server(
            verifier=identity.Verifier(audience="auth", fetch_keys=tokens.fetch_keys), access=ACCESS
        )
        auth_pb2_grpc.add_AuthServiceServicer_to_server(_Auth(), self._server.grpc)  # type: ignore[abstract]
        auth_pb2_grpc.add_PurseServiceServicer_to_server(_Purse(self.purse), self._server.grpc)  # type: ignore[abstract]
        await self._server.start(self.address, SERVICES)
        await self._server.ready()

    async def stop(self) -> None:
        """Be gone at once."""
        if self._server is not None:
            await self._server.grpc.stop(None)
            self._server = None
