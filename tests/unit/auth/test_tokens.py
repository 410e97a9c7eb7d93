"""The signing key file, and tokens as the other services read them."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.auth.service_secrets import ServiceSecrets
from services.auth.tokens import KeyFileUnusable, Signer, load_or_create_key
from services.auth.values import Delegation, User
from services.foundation.database import utc_now
from services.foundation.identity import Role, Scope, UnknownToken, Verifier

USER = User(user_id="ada", email="ada@example.org", tokens=0, created_time=utc_now())


def raw(signer: Signer) -> bytes:
    """The one public key."""
    (key,) = signer.public_keys().values()
    return key


def test_a_missing_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "auth" / "signing-key.pem"

    made = Signer(load_or_create_key(path), now=utc_now)
    read = Signer(load_or_create_key(path), now=utc_now)

    assert made.public_keys() == read.public_keys()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [path.name]


def test_starts_at_the_same_moment_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "signing-key.pem"

    with ThreadPoolExecutor(8) as starts:
        signers = list(starts.map(lambda _: Signer(load_or_create_key(path), now=utc_now), range(8)))

    assert len({raw(signer) for signer in signers}) == 1
    assert os.listdir(tmp_path) == [path.name]


def test_a_file_that_holds_no_ed25519_key_says_so(tmp_path: Path) -> None:
    garbage, other, folder = tmp_path / "garbage.pem", tmp_path / "rsa.pem", tmp_path
    garbage.write_text("not a key")
    other.write_bytes(
        rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )

    for path, words in ((garbage, "no unencrypted PEM"), (other, "not Ed25519"), (folder, "cannot be used")):
        with pytest.raises(KeyFileUnusable, match=words):
            load_or_create_key(path)


async def test_a_users_token_carries_what_the_verifier_expects(tmp_path: Path) -> None:
    signer = Signer(load_or_create_key(tmp_path / "key.pem"), now=utc_now)

    token = signer.for_user(USER, {Scope.READ, Scope.ADMIN}, session_id="session-1").token

    for audience in ("auth", "tasks"):
        caller = await Verifier(audience=audience, fetch_keys=signer.fetch_keys).verify(token)
        assert (caller.subject, caller.role, caller.session_id) == ("ada", Role.USER, "session-1")
        # The admin scope is not for who is not staff, whatever the key says.
        assert caller.scopes == {Scope.READ}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims.keys() == {"iss", "sub", "role", "sid", "scopes", "aud", "iat", "exp"}
    assert claims["exp"] - claims["iat"] == 300
    assert jwt.get_unverified_header(token)["kid"] in signer.public_keys()


async def test_what_the_plugin_host_is_given_is_believed_at_one_place_each(tmp_path: Path) -> None:
    signer = Signer(load_or_create_key(tmp_path / "key.pem"), now=utc_now)
    delegation = Delegation(
        delegation_id="one", user_id="ada", reference="task-7", created_time=utc_now(), expire_time=utc_now()
    )

    shown, lent = signer.for_plugins(USER, set(Scope)).token, signer.for_delegation(delegation).token

    for token, believer in ((shown, "plugins"), (lent, "tasks")):
        caller = await Verifier(audience=believer, fetch_keys=signer.fetch_keys).verify(token)
        assert caller.subject == "ada"
        assert Scope.ADMIN not in caller.scopes
        for audience in {"auth", "tasks", "gpu", "plugins"} - {believer}:
            with pytest.raises(UnknownToken):
                await Verifier(audience=audience, fetch_keys=signer.fetch_keys).verify(token)


async def test_a_keys_token_names_the_key(tmp_path: Path) -> None:
    signer = Signer(load_or_create_key(tmp_path / "key.pem"), now=utc_now)

    by_key = signer.for_user(USER, {Scope.READ}, key_id="key-1").token
    shown = signer.for_plugins(USER, {Scope.READ}, key_id="key-1").token

    for token, audience in ((by_key, "tasks"), (shown, "plugins")):
        caller = await Verifier(audience=audience, fetch_keys=signer.fetch_keys).verify(token)
        assert (caller.key_id, caller.session_id) == ("key-1", "")


async def test_the_plugin_hosts_own_token_is_worth_nothing_at_a_worker(tmp_path: Path) -> None:
    signer = Signer(load_or_create_key(tmp_path / "key.pem"), now=utc_now)

    token = ServiceSecrets(signer, {"plugins": "a secret of this test"}).issue("plugins", "a secret of this test").token

    for audience in ("auth", "tasks"):
        caller = await Verifier(audience=audience, fetch_keys=signer.fetch_keys).verify(token)
        assert (caller.subject, caller.role) == ("plugins", Role.SERVICE)
    with pytest.raises(UnknownToken):
        await Verifier(audience="gpu", fetch_keys=signer.fetch_keys).verify(token)


async def test_any_other_services_token_is_believed_everywhere(tmp_path: Path) -> None:
    signer = Signer(load_or_create_key(tmp_path / "key.pem"), now=utc_now)
    secrets = ServiceSecrets(signer, {"tasks": "a secret of this test"})

    token = secrets.issue("tasks", "a secret of this test").token

    for audience in ("auth", "tasks", "gpu"):
        caller = await Verifier(audience=audience, fetch_keys=signer.fetch_keys).verify(token)
        assert (caller.subject, caller.role, caller.scopes) == ("tasks", Role.SERVICE, frozenset())
