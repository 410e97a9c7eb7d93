"""Services prove who they are with a configured secret and get a token of their own for it."""

import hmac
from collections.abc import Mapping

from services.auth.errors import WrongCredentials
from services.auth.secret_text import hash_secret
from services.auth.tokens import Signer
from services.auth.values import IdentityToken


class ServiceSecrets:
    """Who the services are."""

    def __init__(self, signer: Signer, secrets: Mapping[str, str]) -> None:
        """`secrets` maps a service's name to its secret; who is not in it gets no token."""
        self._signer = signer
        self._hashes = {name: hash_secret(secret) for name, secret in secrets.items()}

    def issue(self, service: str, secret: str) -> IdentityToken:
        """A token for the service. Raises WrongCredentials, the same for an unknown name and a wrong secret."""
        expected = self._hashes.get(service, "")
        if not hmac.compare_digest(hash_secret(secret), expected):
            raise WrongCredentials("The service or its secret is wrong.")
        return self._signer.for_service(service)
