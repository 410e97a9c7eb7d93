"""auth as staff ask it: who has an account and what they have, and what staff do about it."""

from collections.abc import Collection, Mapping
from typing import Final

import grpc
from daydream.auth.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
)

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

_AT_ONCE: Final = 100
# A whole address stands within few others; this many pages of hits are never read through.
_MOST_PAGES: Final = 10


class Nobody(errors.NotFound):
    """Nobody here has this address or id."""

    reason = "USER_NOT_FOUND"


class People:
    """Calls auth in the name of a visitor of the staff; auth checks once more that they are."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Connects at the first call."""
        self._users = auth_pb2_grpc.UserServiceStub(channel)
        self._purse = auth_pb2_grpc.PurseServiceStub(channel)
        self._standing = accounts_pb2_grpc.AccountServiceStub(channel)
        self._audit = audit_pb2_grpc.AuditServiceStub(channel)

    async def listing(
        self, visitor: Visitor, *, query: str = "", page_token: str = "", page_size: int = 0
    ) -> auth_pb2.ListUsersResponse:
        """A page of everybody whose address, name or id contains the query, newest first. Raises InvalidInput."""
        request = auth_pb2.ListUsersRequest(query=query, page_token=page_token, page_size=page_size)
        with client.translated():
            return await self._users.ListUsers(request, metadata=client.bearer(visitor.identity))

    async def user(self, visitor: Visitor, user_id: str) -> auth_pb2.User:
        """One account, with when it was last seen. Raises NotFound."""
        with client.translated():
            answer = await self._users.GetUser(
                auth_pb2.GetUserRequest(user_id=user_id), metadata=client.bearer(visitor.identity)
            )
        return answer.user

    async def find(self, visitor: Visitor, who: str) -> auth_pb2.User:
        """The account with exactly this address, in any case, or this id. Raises Nobody."""
        wanted = who.lower()
        page_token = ""
        for _ in range(_MOST_PAGES):
            page = await self.listing(visitor, query=who, page_token=page_token, page_size=_AT_ONCE)
            for user in page.users:
                if wanted == user.email or who == user.user_id:
                    return user
            page_token = page.next_page_token
            if not page_token:
                break
        raise Nobody

    async def change(self, visitor: Visitor, user_id: str, changes: Mapping[str, str]) -> auth_pb2.User:
        """Set profile fields by name. Raises InvalidInput, AlreadyExists EMAIL_TAKEN, NotFound."""
        request = auth_pb2.UpdateUserRequest(user_id=user_id, **changes)
        with client.translated():
            return (await self._users.UpdateUser(request, metadata=client.bearer(visitor.identity))).user

    async def balance(self, visitor: Visitor, user_id: str) -> auth_pb2.GetBalanceResponse:
        """What somebody's purse holds. Raises NotFound."""
        request = auth_pb2.GetBalanceRequest(user_id=user_id)
        with client.translated():
            return await self._purse.GetBalance(request, metadata=client.bearer(visitor.identity))

    async def entries(
        self, visitor: Visitor, user_id: str, *, page_token: str, page_size: int
    ) -> auth_pb2.ListEntriesResponse:
        """A page of somebody's ledger, newest first. Raises NotFound, InvalidInput."""
        request = auth_pb2.ListEntriesRequest(user_id=user_id, page_token=page_token, page_size=page_size)
        with client.translated():
            return await self._purse.ListEntries(request, metadata=client.bearer(visitor.identity))

    async def grant(
        self, visitor: Visitor, user_id: str, *, request_id: str, amount: int, reason: str
    ) -> auth_pb2.Entry:
        """Give tokens, or take them when `amount` is negative; once for a `request_id`, however often it is sent.

        Raises NotPossibleNow NOT_ENOUGH_TOKENS, InvalidInput, RequestIdReused, NotFound.
        """
        request = auth_pb2.GrantTokensRequest(request_id=request_id, user_id=user_id, amount=amount, reason=reason)
        with client.translated():
            return (await self._purse.GrantTokens(request, metadata=client.bearer(visitor.identity))).entry

    async def suspend(self, visitor: Visitor, user_id: str) -> None:
        """Keep somebody out. Raises NotPossibleNow LAST_STAFF_ACCOUNT, NotFound."""
        request = accounts_pb2.SuspendUserRequest(user_id=user_id)
        with client.translated():
            await self._standing.SuspendUser(request, metadata=client.bearer(visitor.identity))

    async def restore(self, visitor: Visitor, user_id: str) -> None:
        """Let somebody in again. Raises NotFound."""
        request = accounts_pb2.RestoreUserRequest(user_id=user_id)
        with client.translated():
            await self._standing.RestoreUser(request, metadata=client.bearer(visitor.identity))

    async def reset_link(self, visitor: Visitor, user_id: str) -> accounts_pb2.CreateResetLinkResponse:
        """Make the link somebody sets a new password with, in place of an earlier one. Raises NotFound."""
        request = accounts_pb2.CreateResetLinkRequest(user_id=user_id)
        with client.translated():
            return await self._standing.CreateResetLink(request, metadata=client.bearer(visitor.identity))

    async def delete(self, visitor: Visitor, user_id: str) -> None:
        """Delete somebody else's account for good. Raises NotPossibleNow LAST_STAFF_ACCOUNT, NotFound."""
        request = accounts_pb2.DeleteUserRequest(user_id=user_id)
        with client.translated():
            await self._standing.DeleteUser(request, metadata=client.bearer(visitor.identity))

    async def deeds(
        self,
        visitor: Visitor,
        *,
        user_id: str = "",
        staff_id: str = "",
        kinds: Collection[audit_pb2.DeedKind.ValueType] = (),
        page_token: str = "",
        page_size: int = 0,
    ) -> audit_pb2.ListDeedsResponse:
        """A page of what staff did to accounts, tokens and codes, newest first; only to `user_id`, by `staff_id` and of
        `kinds`, where those are given. Raises InvalidInput.
        """
        request = audit_pb2.ListDeedsRequest(
            user_id=user_id, staff_id=staff_id, kinds=kinds, page_token=page_token, page_size=page_size
        )
        with client.translated():
            return await self._audit.ListDeeds(request, metadata=client.bearer(visitor.identity))
