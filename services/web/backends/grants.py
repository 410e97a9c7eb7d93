"""What opens the plugin host to a visitor, as auth gives it: a code for their browser, a token for programs."""

from dataclasses import dataclass, field

import grpc
from daydream.auth.v1 import grants_pb2, grants_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation.rpc import client
from services.web.backends.accounts import Visitor


@dataclass(frozen=True, kw_only=True)
class PluginToken:
    """Says to the plugin host who asks; no other service believes it."""

    token: str = field(repr=False)
    """Goes into `Authorization: Bearer`."""
    until: Timestamp
    """When it stops being believed."""


class Grants:
    """Calls auth in the visitor's name."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._grants = grants_pb2_grpc.GrantServiceStub(channel)

    async def sign_in_code(self, visitor: Visitor) -> str:
        """A code that lets the visitor's browser in at the plugin host, once within 30 s. Raises NotAuthenticated."""
        request = grants_pb2.IssueSignInCodeRequest()
        with client.translated():
            return (await self._grants.IssueSignInCode(request, metadata=client.bearer(visitor.identity))).code

    async def plugin_token(self, visitor: Visitor) -> PluginToken:
        """A token that lasts some minutes. Raises NotAllowed for a key without the generate scope."""
        request = grants_pb2.IssuePluginTokenRequest()
        with client.translated():
            answer = await self._grants.IssuePluginToken(request, metadata=client.bearer(visitor.identity))
        return PluginToken(token=answer.identity_token.token, until=answer.identity_token.expire_time)
