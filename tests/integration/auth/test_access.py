"""Nobody gets in without a token that auth signed for auth, and nobody beyond what it says."""

import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from daydream.auth.v1 import accounts_pb2, audit_pb2, auth_pb2, codes_pb2, grants_pb2

from services.auth.bootstrap import HASHES_WAITING, HASHING_THREADS
from services.auth.tokens import load_or_create_key
from services.foundation.rpc import client, status
from tests.support.auth import SECRETS, RunningAuth, refusal, running_auth

# Whoever asks for these is nobody yet.
OPEN = {"AuthService/IssueServiceToken", "AuthService/ListSigningKeys"}
GATEWAY = {
    "AuthService/SignUp", "AuthService/SignIn", "AuthService/SignOut", "AuthService/ResolveSession",
    "AuthService/ResolveApiKey", "AccountService/ResetPassword",
}  # fmt: skip
SERVICES = {"AuthService/GetSignUpMode"}
LEDGER = {"PurseService/HoldTokens", "PurseService/SettleHold"}
PLUGIN_HOST = {
    "GrantService/RedeemSignInCode", "GrantService/ResolveSignIn", "GrantService/CreateDelegation",
    "GrantService/IssueDelegatedToken", "GrantService/EndDelegation",
}  # fmt: skip
STAFF = {
    "UserService/ListUsers", "PurseService/GrantTokens", "CodeService/IssueCode", "CodeService/ListCodes",
    "CodeService/WithdrawCode", "AccountService/CreateResetLink", "AccountService/SuspendUser",
    "AccountService/RestoreUser", "AuditService/ListDeeds",
}  # fmt: skip
METHODS = [
    f"{service.name}/{method.name}"
    for file in (auth_pb2, accounts_pb2, audit_pb2, codes_pb2, grants_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]
# Of sessions alone, whatever a key may do.
BROWSER = {"GrantService/IssueSignInCode"}
# These change the account itself: not for a key that was made to draw.
IN_PERSON = {
    "AuthService/EndSession", "AuthService/CreateApiKey", "AuthService/RevokeApiKey", "UserService/UpdateUser",
    "UserService/ChangePassword", "CodeService/RedeemCode", "AccountService/DeleteUser",
}  # fmt: skip
OWN = set(METHODS) - OPEN - GATEWAY - LEDGER - PLUGIN_HOST - SERVICES - STAFF


@pytest.fixture
async def auth(tmp_path: Path) -> AsyncIterator[RunningAuth]:
    """Access does not depend on the database; the embedded one is the quicker."""
    async with running_auth(f"sqlite+aiosqlite:///{tmp_path}/test.db", tmp_path) as running:
        yield running


async def admitted(auth: RunningAuth, metadata: grpc.aio.Metadata | None) -> tuple[set[str], set[grpc.StatusCode]]:
    """The methods that let a caller in, and the codes with which the others did not."""
    inside, codes = set(), set()
    for method in METHODS:
        call: Any = auth.channel.unary_unary(f"/daydream.auth.v1.{method}")
        try:
            await call(b"", metadata=metadata)
            inside.add(method)
        except grpc.aio.AioRpcError as error:
            # Most methods refuse the empty request; who hears what is wrong with it was let in.
            if status.from_rpc_error(error).detail_reason in {"NOT_AUTHENTICATED", "NOT_ALLOWED"}:
                codes.add(error.code())
            else:
                inside.add(method)
    return inside, codes


async def test_without_credentials_everything_is_refused_save_the_named_list(auth: RunningAuth) -> None:
    inside, codes = await admitted(auth, None)

    assert inside == OPEN
    assert codes == {grpc.StatusCode.UNAUTHENTICATED}


async def test_identity_headers_are_believed_from_nobody(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    claims = grpc.aio.Metadata(("x-user-id", person.user_id), ("x-role", "staff"), ("x-forwarded-user", person.user_id))

    inside, _ = await admitted(auth, claims)

    assert inside == OPEN


async def test_an_identity_header_beside_a_token_changes_nothing(auth: RunningAuth) -> None:
    ada, eve = await auth.sign_up(), await auth.sign_up("eve@example.org")
    metadata = eve.metadata
    metadata.add("x-user-id", ada.user_id)

    answer = await auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=metadata)

    assert answer.user.user_id == eve.user_id


async def test_a_person_reaches_their_own_things_only(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    inside, codes = await admitted(auth, person.metadata)

    assert inside == OPEN | OWN
    assert codes == {grpc.StatusCode.PERMISSION_DENIED}


async def test_staff_also_reach_the_staff_methods_but_not_the_services(auth: RunningAuth) -> None:
    staff = await auth.staff()

    inside, _ = await admitted(auth, staff.metadata)

    assert inside == OPEN | OWN | STAFF


async def test_a_staff_key_without_the_admin_scope_is_an_ordinary_one(auth: RunningAuth) -> None:
    staff = await auth.staff()
    made = await auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine"), metadata=staff.metadata)
    resolved = await auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=made.secret), metadata=auth.web)

    inside, _ = await admitted(auth, client.bearer(resolved.identity_token.token))

    assert inside == (OPEN | OWN) - IN_PERSON - BROWSER


async def test_a_staff_key_with_the_admin_scope_changes_the_account_too(auth: RunningAuth) -> None:
    staff = await auth.staff()
    made = await auth.auth.CreateApiKey(
        auth_pb2.CreateApiKeyRequest(name="mine", scopes=["generate", "read", "admin"]), metadata=staff.metadata
    )
    resolved = await auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=made.secret), metadata=auth.web)

    inside, _ = await admitted(auth, client.bearer(resolved.identity_token.token))

    assert inside == (OPEN | OWN | STAFF) - BROWSER


async def test_each_service_reaches_what_it_is_for(auth: RunningAuth) -> None:
    everyone = (auth.web, auth.tasks, auth.plugins, auth.stranger)

    reached = [(await admitted(auth, metadata))[0] for metadata in everyone]

    beyond_any_service = [inside - OPEN - SERVICES for inside in reached]
    assert beyond_any_service == [GATEWAY, LEDGER, PLUGIN_HOST, set()]
    assert all(inside >= OPEN | SERVICES for inside in reached)


async def test_a_service_gets_a_token_for_its_secret_alone(auth: RunningAuth) -> None:
    for service, secret in (
        ("web", SECRETS["tasks"]),
        ("web", ""),
        ("web", "é" * 1000),
        ("", ""),
        ("nobody", ""),
        ("nobody", SECRETS["web"]),
    ):
        code, error = await refusal(
            auth.auth.IssueServiceToken(auth_pb2.IssueServiceTokenRequest(service=service, secret=secret))
        )
        assert (code, error.detail_reason) == (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS")

    web = client.ServiceIdentity(auth.channel, service="web", secret=SECRETS["web"])
    inside, _ = await admitted(auth, await web.metadata())
    assert inside == OPEN | SERVICES | GATEWAY


def unsigned(claims: dict[str, Any], key_id: str) -> str:
    """A token that says it needs no signature."""
    parts = ({"alg": "none", "typ": "JWT", "kid": key_id}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


async def test_tokens_not_signed_for_this_use_are_refused(auth: RunningAuth, tmp_path: Path) -> None:
    person = await auth.sign_up()
    key = load_or_create_key(tmp_path / "auth" / "signing-key.pem")
    ((key_id, public_key),) = auth.parts.signer.public_keys().items()
    claims = jwt.decode(person.token, options={"verify_signature": False})
    now = int(time.time())

    def signed(changes: dict[str, Any], *, by: Any = key, algorithm: str = "EdDSA", kid: str = key_id) -> str:
        return jwt.encode({**claims, **changes}, by, algorithm=algorithm, headers={"kid": kid})

    without_expiry = {name: value for name, value in claims.items() if name != "exp"}
    forged = {
        "no algorithm": unsigned(claims, key_id),
        "expired": signed({"iat": now - 400, "exp": now - 100}),
        "from the future": signed({"iat": now + 1000, "exp": now + 1300}),
        "another audience": signed({"aud": ["tasks"]}),
        "no audience": signed({"aud": []}),
        "another issuer": signed({"iss": "somebody"}),
        "no expiry": jwt.encode(without_expiry, key, algorithm="EdDSA", headers={"kid": key_id}),
        "an unknown role": signed({"role": "emperor"}),
        "an unknown scope": signed({"scopes": ["everything"]}),
        "another key": signed({}, by=Ed25519PrivateKey.generate()),
        "another key's id": signed({}, kid="somebody-elses"),
        "the public key as a shared secret": signed({}, by=public_key, algorithm="HS256"),
        "changed claims": ".".join(
            [*signed({}).split(".")[:1], signed({"sub": "nobody"}).split(".")[1], signed({}).split(".")[2]]
        ),
        "no token at all": "garbage",
    }

    for what, token in forged.items():
        code, error = await refusal(auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=client.bearer(token)))
        assert (code, error.detail_reason) == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_IDENTITY_TOKEN"), what
    # The same steps with nothing wrong make a token that is believed.
    believed = await auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=client.bearer(signed({})))
    assert believed.user.user_id == person.user_id


async def test_a_flood_of_sign_ins_is_bounded_and_leaves_others_alone(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    request = auth_pb2.SignInRequest(email="nobody@example.org", password="whatever it is")
    size = 4 * (HASHING_THREADS + HASHES_WAITING)

    # One after the other in a single thread, the hashes of those who wait may take longer than a call usually may.
    flood = [auth.auth.SignIn(request, metadata=auth.web, timeout=300) for _ in range(size)]
    balance = await auth.purse.GetBalance(auth_pb2.GetBalanceRequest(), metadata=person.metadata, timeout=300)
    unanswered = sum(not call.done() for call in flood)
    answers = [await refusal(call) for call in flood]

    assert balance.tokens == 100
    assert unanswered > 0
    refused = [error for code, error in answers if code is grpc.StatusCode.RESOURCE_EXHAUSTED]
    assert {error.detail_reason for error in refused} == {"TOO_MANY_SIGN_INS"}
    assert all(error.retry_after for error in refused)
    # None was lost: every other one got its answer.
    assert sum(code is grpc.StatusCode.UNAUTHENTICATED for code, _ in answers) == size - len(refused)
