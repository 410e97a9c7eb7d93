"""What a person's own account asks of auth, in memory: part of the made-up auth, with auth's own refusals."""

import itertools
from collections import Counter
from typing import Any

from daydream.auth.v1 import auth_pb2, auth_pb2_grpc, codes_pb2, codes_pb2_grpc

from services.auth.errors import ApiKeyNotFound, CodeNotValid, CodeRedeemed, WrongCredentials
from services.foundation import errors, identity
from tests.support.gateway_people import paged, stamp

_OF_TASKS = (auth_pb2.ENTRY_KIND_HOLD, auth_pb2.ENTRY_KIND_RETURN)


class FakeOwnAccount(
    auth_pb2_grpc.AuthServiceServicer,
    auth_pb2_grpc.PurseServiceServicer,
    auth_pb2_grpc.UserServiceServicer,
    codes_pb2_grpc.CodeServiceServicer,
):
    """Keys, spending, the password and codes of the accounts that it is mixed into."""

    def __init__(self) -> None:
        """Nobody made a key or redeemed a code yet."""
        super().__init__()
        self.api_keys: list[tuple[str, auth_pb2.ApiKey, str]] = []
        """Whose, what, and the secret; oldest first."""
        self.open_holds: Counter[str] = Counter()
        """How many tasks hold tokens of each person."""
        self.redeemed: set[tuple[str, str]] = set()
        """Which code which person has redeemed."""
        self.password_refusal: errors.DaydreamError | None = None
        self.entries_break_after = 0
        """Which page of a ledger cannot be read any more; 0 for none."""
        self._key_numbers = itertools.count(1)

    def put_code(self: Any, tokens: int, *, max_redemptions: int = 1) -> str:
        """A code worth tokens, as staff would hand it out."""
        prefix = f"DAWN{len(self.codes)}"
        self.codes.append(
            codes_pb2.Code(
                code_id=f"put-{prefix}",
                kind=codes_pb2.CODE_KIND_TOKENS,
                prefix=prefix,
                tokens=tokens,
                reason="a gift",
                max_redemptions=max_redemptions,
            )
        )
        return f"{prefix}-BBBBB-CCCCC-DDDDD-EEEEE"

    async def CreateApiKey(self: Any, request: Any, _call: Any) -> auth_pb2.CreateApiKeyResponse:
        """With a secret that is told once."""
        person = self.by_id(identity.caller().subject)
        if request.name == "refused":
            raise errors.InvalidInput.of(errors.FieldViolation(field="name", description="This name is refused."))
        if "admin" in request.scopes and not person.staff:
            raise errors.NotAllowed("Only staff may make a key with the admin scope.")
        number = next(self._key_numbers)
        secret = f"dd_made_{number:02}_0123456789"
        key = auth_pb2.ApiKey(
            api_key_id=f"key-{number}",
            name=request.name,
            scopes=list(request.scopes),
            prefix=secret[:9],
            created_time=stamp(),
        )
        self.api_keys.append((person.user_id, key, secret))
        self.keys[secret] = person.email
        return auth_pb2.CreateApiKeyResponse(api_key=key, secret=secret)

    async def ListApiKeys(self: Any, request: Any, _call: Any) -> auth_pb2.ListApiKeysResponse:
        """The caller's, newest first, paged."""
        mine = [key for owner, key, _ in self.api_keys if owner == identity.caller().subject]
        page, more = paged(mine[::-1], request)
        return auth_pb2.ListApiKeysResponse(api_keys=page, next_page_token=more)

    async def RevokeApiKey(self: Any, request: Any, _call: Any) -> auth_pb2.RevokeApiKeyResponse:
        """One of the caller's."""
        for each in self.api_keys:
            if each[0] == identity.caller().subject and each[1].api_key_id == request.api_key_id:
                self.api_keys.remove(each)
                del self.keys[each[2]]
                return auth_pb2.RevokeApiKeyResponse()
        raise ApiKeyNotFound

    async def GetSpending(self: Any, request: Any, _call: Any) -> auth_pb2.GetSpendingResponse:
        """What holds took and did not give back; those that are open are still held."""
        person = self._whose(request.user_id)
        since = request.since.seconds
        moved = [e.amount for e in person.entries if e.kind in _OF_TASKS and e.created_time.seconds >= since]
        return auth_pb2.GetSpendingResponse(
            charged=max(0, -sum(moved) - person.held), open_holds=self.open_holds[person.user_id]
        )

    async def ChangePassword(self: Any, request: Any, _call: Any) -> auth_pb2.ChangePasswordResponse:
        """For the one that holds; the caller's other sessions end."""
        caller = identity.caller()
        person = self.by_id(caller.subject)
        if self.password_refusal is not None:
            raise self.password_refusal
        if request.current_password != person.password:
            raise WrongCredentials("The current password is wrong.")
        person.password = request.new_password
        others = [
            secret
            for secret, (owner, session_id) in self.sessions.items()
            if owner == person.email and session_id != caller.session_id
        ]
        for secret in others:
            del self.sessions[secret]
        return auth_pb2.ChangePasswordResponse(ended_sessions=len(others))

    async def RedeemCode(self: Any, request: Any, _call: Any) -> codes_pb2.RedeemCodeResponse:
        """Once a person, and as often as the code allows."""
        person = self.by_id(identity.caller().subject)
        prefix = request.text.upper().partition("-")[0]
        code = next((each for each in self.codes if each.prefix == prefix), None)
        if code is None:
            raise CodeNotValid
        if (code.code_id, person.user_id) in self.redeemed:
            raise CodeRedeemed
        if code.HasField("withdrawn_time") or code.redemptions >= code.max_redemptions:
            raise CodeNotValid
        code.redemptions += 1
        self.redeemed.add((code.code_id, person.user_id))
        self.move(person, auth_pb2.ENTRY_KIND_CODE, code.tokens, "")
        person.entries[-1].reason = f"code {code.prefix}-…: {code.reason}"
        return codes_pb2.RedeemCodeResponse(entry=person.entries[-1])

    def break_off(self) -> None:
        """Refuse the page whose turn it is."""
        if self.entries_break_after:
            self.entries_break_after -= 1
            if not self.entries_break_after:
                raise errors.Unavailable("auth is away", reason="BROKEN")


def of_direction(entries: list[auth_pb2.Entry], direction: int) -> list[auth_pb2.Entry]:
    """Those that lifted the balance, those that lowered it, or all."""
    if direction == auth_pb2.ENTRY_DIRECTION_ADDED:
        return [each for each in entries if each.amount > 0]
    if direction == auth_pb2.ENTRY_DIRECTION_SPENT:
        return [each for each in entries if each.amount < 0]
    return entries
