"""A person's API keys, as auth keeps them."""

from collections.abc import Sequence
from typing import Final

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

_PAGE: Final = 100
# A listing must end; a person who has more revokes some first.
_MOST: Final = 1000


class Keys:
    """Calls auth in the visitor's name."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._auth = auth_pb2_grpc.AuthServiceStub(channel)

    async def listing(self, visitor: Visitor) -> list[auth_pb2.ApiKey]:
        """Every key of the visitor's, newest first; no secrets."""
        found: list[auth_pb2.ApiKey] = []
        token = ""
        while True:
            request = auth_pb2.ListApiKeysRequest(page_size=_PAGE, page_token=token)
            with client.translated():
                page = await self._auth.ListApiKeys(request, metadata=client.bearer(visitor.identity))
            found += page.api_keys
            token = page.next_page_token
            if not token or len(found) >= _MOST:
                return found

    async def make(self, visitor: Visitor, *, name: str, scopes: Sequence[str]) -> tuple[auth_pb2.ApiKey, str]:
        """A new key and its secret, which nobody can tell again. Raises InvalidInput, NotAllowed."""
        request = auth_pb2.CreateApiKeyRequest(name=name, scopes=scopes)
        with client.translated():
            made = await self._auth.CreateApiKey(request, metadata=client.bearer(visitor.identity))
        return made.api_key, made.secret

    async def revoke(self, visitor: Visitor, key_id: str) -> bool:
        """Refuse one of the visitor's keys from now on; whether it was there."""
        request = auth_pb2.RevokeApiKeyRequest(api_key_id=key_id)
        try:
            with client.translated():
                await self._auth.RevokeApiKey(request, metadata=client.bearer(visitor.identity))
        except errors.NotFound:
            return False
        return True
