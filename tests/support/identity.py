"""A signing key for tests that mints identity tokens the way auth does."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.foundation import identity

KEY_ID: Final = "test-key"
_KEY: Final = Ed25519PrivateKey.generate()
PUBLIC_KEY: Final = _KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


async def fetch_keys() -> Mapping[str, bytes]:
    """The key as a Verifier fetches it."""
    return {KEY_ID: PUBLIC_KEY}


def mint(
    subject: str,
    *,
    role: str = "user",
    scopes: Sequence[str] = ("generate", "read"),
    session_id: str = "session-1",
    audience: Sequence[str] = ("auth", "tasks"),
    lifetime: float = 300,
    claims: Mapping[str, Any] | None = None,
) -> str:
    """A token for `subject`; `claims` replaces whatever a test wants wrong."""
    now = int(time.time())
    body = {
        "iss": identity.ISSUER, "sub": subject, "role": role, "sid": session_id, "scopes": list(scopes),
        "aud": list(audience), "iat": now, "exp": now + int(lifetime),
    }  # fmt: skip
    return jwt.encode({**body, **(claims or {})}, _KEY, algorithm=identity.ALGORITHM, headers={"kid": KEY_ID})


def mint_delegated(subject: str, reference: str, *, session_id: str = "session-1", lifetime: float = 300) -> str:
    """A token of the plugin host's that acts for `subject`, for one task of a plugin."""
    claims = {"act": {"sub": "plugins"}, "ref": reference}
    return mint(
        subject, scopes=("generate",), session_id=session_id, audience=("tasks",), lifetime=lifetime, claims=claims
    )


def mint_service(name: str) -> str:
    """A service's own token."""
    return mint(name, role="service", scopes=(), session_id="", audience=("auth", "tasks", "gpu"))
