"""Identity tokens: signed here with Ed25519, verified everywhere with the public key. Nothing else holds the key."""

import base64
import contextlib
import datetime as dt
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.auth.values import Delegation, IdentityToken, User
from services.foundation import identity
from services.foundation.identity import Role, Scope

LIFETIME: Final = dt.timedelta(minutes=5)
USER_AUDIENCE: Final = ("auth", "tasks")
SERVICE_AUDIENCE: Final = ("auth", "tasks", "gpu")
# Its pages are others' code, so what it is shown is worth nothing anywhere else; and what it may do in a person's name
# is worth nothing but at the ledger.
PLUGIN_HOST: Final = "plugins"
PLUGIN_AUDIENCE: Final = (PLUGIN_HOST,)
DELEGATED_AUDIENCE: Final = ("tasks",)
# Its process runs others' code too, and a worker draws for every service that asks, unpaid.
PLUGIN_HOST_AUDIENCE: Final = ("auth", "tasks")
PEOPLE_SCOPES: Final = frozenset({Scope.GENERATE, Scope.READ})


class KeyFileUnusable(Exception):
    """The signing key file cannot be read, made or understood."""


def scopes_of(role: Role) -> frozenset[Scope]:
    """Everything a person of this role may do."""
    return PEOPLE_SCOPES | {Scope.ADMIN} if role is Role.STAFF else PEOPLE_SCOPES


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """Read the PEM file, or make it with mode 0600; of two that make it at once, both read the same key."""
    try:
        if not path.exists():
            _create_key(path)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise KeyFileUnusable(f"the signing key file {path} cannot be used: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise KeyFileUnusable(f"the signing key file {path} holds no unencrypted PEM private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileUnusable(f"the signing key file {path} holds a key that is not Ed25519")
    return key


def _create_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        # A link, not a rename: it never replaces a key that another process put there meanwhile.
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Signer:
    """Signs identity tokens with one key."""

    def __init__(self, key: Ed25519PrivateKey, *, now: Callable[[], dt.datetime]) -> None:
        """The key id follows from the public key, so that every replica with the same file names it alike."""
        self._key, self._now = key, now
        self._public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self._key_id = base64.urlsafe_b64encode(hashlib.sha256(self._public).digest()[:12]).decode()

    def public_keys(self) -> Mapping[str, bytes]:
        """Key id → raw 32-byte public key."""
        return {self._key_id: self._public}

    async def fetch_keys(self) -> Mapping[str, bytes]:
        """The same, as a Verifier asks for it."""
        return self.public_keys()

    def for_user(self, user: User, scopes: Iterable[Scope], *, session_id: str = "", key_id: str = "") -> IdentityToken:
        """A token for a person, by the session or the key it is for; scopes beyond the person's role are left out."""
        return self._for_person(user, scopes, session_id, key_id, USER_AUDIENCE)

    def for_plugins(
        self, user: User, scopes: Iterable[Scope], *, session_id: str = "", key_id: str = ""
    ) -> IdentityToken:
        """The same for the plugin host alone."""
        return self._for_person(user, scopes, session_id, key_id, PLUGIN_AUDIENCE)

    def for_delegation(self, delegation: Delegation) -> IdentityToken:
        """A token for the plugin host to generate in a person's name, whose role is lent to nobody."""
        return self._sign(
            delegation.user_id,
            Role.USER,
            delegation.session_id,
            frozenset({Scope.GENERATE}),
            DELEGATED_AUDIENCE,
            act={"sub": PLUGIN_HOST},
            ref=delegation.reference,
        )

    def for_service(self, name: str) -> IdentityToken:
        """A token for a service."""
        audience = PLUGIN_HOST_AUDIENCE if name == PLUGIN_HOST else SERVICE_AUDIENCE
        return self._sign(name, Role.SERVICE, "", frozenset(), audience)

    def _for_person(
        self, user: User, scopes: Iterable[Scope], session_id: str, key_id: str, audience: tuple[str, ...]
    ) -> IdentityToken:
        allowed = scopes_of(user.role).intersection(scopes)
        by_key = {"key": key_id} if key_id else {}
        return self._sign(user.user_id, user.role, session_id, allowed, audience, **by_key)

    def _sign(
        self,
        subject: str,
        role: Role,
        session_id: str,
        scopes: frozenset[Scope],
        audience: tuple[str, ...],
        **more: object,
    ) -> IdentityToken:
        issued = self._now().replace(microsecond=0)
        expire_time = issued + LIFETIME
        claims = {
            "iss": identity.ISSUER,
            "sub": subject,
            "role": role.value,
            "sid": session_id,
            "scopes": sorted(scope.value for scope in scopes),
            "aud": list(audience),
            "iat": int(issued.timestamp()),
            "exp": int(expire_time.timestamp()),
            **more,
        }
        token = jwt.encode(claims, self._key, algorithm=identity.ALGORITHM, headers={"kid": self._key_id})
        return IdentityToken(token=token, expire_time=expire_time)
