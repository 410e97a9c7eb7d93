"""A person's own browser sessions, as auth keeps them: what is open, and ending it."""

import asyncio
from typing import Final

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

_PAGE: Final = 100
# Nobody signs in so often within a month, and a listing must end.
_MOST: Final = 1000


class Sessions:
    """Calls auth in the visitor's name."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._auth = auth_pb2_grpc.AuthServiceStub(channel)

    async def listing(self, visitor: Visitor) -> list[auth_pb2.Session]:
        """Every open session of the visitor's, newest first."""
        found: list[auth_pb2.Session] = []
        token = ""
        while True:
            request = auth_pb2.ListSessionsRequest(page_size=_PAGE, page_token=token)
            with client.translated():
                page = await self._auth.ListSessions(request, metadata=client.bearer(visitor.identity))
            found += page.sessions
            token = page.next_page_token
            if not token or len(found) >= _MOST:
                return found

    async def end(self, visitor: Visitor, session_id: str) -> bool:
        """End one of the visitor's sessions; whether it was there."""
        request = auth_pb2.EndSessionRequest(session_id=session_id)
        try:
            with client.translated():
                await self._auth.EndSession(request, metadata=client.bearer(visitor.identity))
        except errors.NotFound:
            return False
        return True

    async def end_others(self, visitor: Visitor) -> int:
        """End every session of the visitor's save the one they ask in; how many that were."""
        others = [each.session_id for each in await self.listing(visitor) if each.session_id != visitor.session_id]
        return sum(await asyncio.gather(*(self.end(visitor, each) for each in others)))
