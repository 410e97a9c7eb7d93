"""Accounts: sign-up, sign-in, profiles and passwords."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

import shortuuid

from services.auth import audit, codes, fields, keys, paging
from services.auth.errors import (
    AccountSuspended,
    EmailTaken,
    InvitationNeeded,
    SignUpClosed,
    UserNotFound,
    WrongCredentials,
)
from services.auth.ownership import whose
from services.auth.passwords import Passwords
from services.auth.secret_text import hash_secret
from services.auth.sessions import Sessions, end_all
from services.auth.storage import Conflict, Storage, Work
from services.auth.tokens import scopes_of
from services.auth.values import CodeKind, DeedKind, Entry, EntryKind, Opened, Page, SignUpMode, User
from services.foundation.identity import Caller, Role

QUERY_CHARACTERS: Final = 128
_LIST: Final = "users"


class Accounts:
    """Who has an account, and what it says about them."""

    def __init__(
        self,
        storage: Storage,
        passwords: Passwords,
        sessions: Sessions,
        *,
        sign_up_mode: SignUpMode,
        sign_up_tokens: int,
        now: Callable[[], dt.datetime],
    ) -> None:
        """`sign_up_tokens` is what a new account starts with; `now` is the clock, aware."""
        self._storage, self._passwords, self._sessions = storage, passwords, sessions
        self.sign_up_tokens, self._now = sign_up_tokens, now
        self.sign_up_mode = sign_up_mode

    async def sign_up(self, *, email: str, password: str, username: str, user_agent: str, code: str = "") -> Opened:
        """Make an account and open its first session; where sign-up is by code, use up one of the code's redemptions.

        Raises SignUpClosed, InvitationNeeded, CodeNotValid, InvalidInput, EmailTaken, TooManySignIns.
        """
        if self.sign_up_mode is SignUpMode.CLOSED:
            raise SignUpClosed
        by_code = self.sign_up_mode is SignUpMode.CODE
        if by_code and not code.strip():
            raise InvitationNeeded
        with fields.checked() as given:
            email = given.email("email", email)
            password = given.password("password", password)
            username = given.text("username", username, at_most=fields.NAME_CHARACTERS)
        if by_code:
            # Before anything slow, and before anybody learns which addresses are taken.
            async with self._storage.read() as work:
                await codes.check(work, code, CodeKind.INVITATION, self._now())
        password_hash = await self._passwords.hash(password)
        user = User(
            user_id=shortuuid.uuid(),
            email=email,
            username=username,
            tokens=self.sign_up_tokens,
            created_time=self._now(),
        )
        new = self._sessions.draw(user.user_id, user_agent=user_agent)
        user = dataclasses.replace(user, latest_session_id=new.session.session_id)
        try:
            async with self._storage.write() as work:
                await _add_with_tokens(work, user, password_hash, reason="a new account")
                if by_code:
                    await codes.take(work, code, CodeKind.INVITATION, user.user_id, user.created_time)
                await work.sessions.add(new.session, new.secret_hash)
        except Conflict as conflict:
            raise EmailTaken from conflict
        return self._sessions.opened(new, user)

    async def sign_in(self, *, email: str, password: str, stay_signed_in: bool, user_agent: str) -> Opened:
        """Open a session. Raises WrongCredentials, AccountSuspended, TooManySignIns.

        Whether the account exists shows in nothing: an unknown one costs the same hash. That it is suspended is told
        only to who knows the password.
        """
        normal = fields.normal_email(email)
        found = None
        if normal is not None:
            async with self._storage.read() as work:
                found = await work.users.credentials(email=normal)
        right = await self._passwords.verify(password, found.password_hash if found else None)
        if found is None or not right:
            raise WrongCredentials
        if not found.user.active:
            raise AccountSuspended
        new = self._sessions.draw(found.user.user_id, user_agent=user_agent, stay_signed_in=stay_signed_in)
        async with self._storage.write() as work:
            # The password may have been changed since it was checked, and that ends every other session.
            user = await work.users.note_session(
                found.user.user_id, password_hash=found.password_hash, session_id=new.session.session_id
            )
            if user is None:
                raise WrongCredentials
            await work.sessions.remove_expired(user.user_id, self._now())
            await work.sessions.add(new.session, new.secret_hash)
        return self._sessions.opened(new, user)

    async def create_staff(
        self, *, email: str, password: str, tokens: int, key_name: str, api_key: str | None = None
    ) -> tuple[User, str]:
        """Make a staff account with an API key of every scope; gives the key's secret. Raises as `sign_up` does.

        An installer that must know the key before the account exists draws `api_key` itself.
        """
        with fields.checked() as given:
            email = given.email("email", email)
            password = given.password("password", password)
            tokens = given.whole("tokens", tokens, at_least=0)
            if api_key is not None and not keys.is_secret(api_key):
                given.refuse("api_key", "An API key is dd_ and 43 letters, digits, - or _.")
        password_hash = await self._passwords.hash(password)
        now = self._now()
        user = User(user_id=shortuuid.uuid(), email=email, role=Role.STAFF, tokens=tokens, created_time=now)
        key, secret = keys.draw(user.user_id, key_name, scopes_of(Role.STAFF), now, secret=api_key)
        try:
            async with self._storage.write() as work:
                await _add_with_tokens(work, user, password_hash, reason="a staff account")
                await work.keys.add(key, hash_secret(secret))
        except Conflict as conflict:
            raise EmailTaken from conflict
        return user, secret

    async def get(self, caller: Caller, user_id: str) -> User:
        """One account; empty means the caller's. Raises UserNotFound, also for another's."""
        async with self._storage.read() as work:
            user = await work.users.get(whose(caller, user_id))
            if user is None:
                raise UserNotFound
            if not caller.is_staff:
                return user
            (user,) = await _with_last_seen(work, (user,))
        return user

    async def find(self, email: str) -> User | None:
        """The account with this address, in any case."""
        normal = fields.normal_email(email)
        if normal is None:
            return None
        async with self._storage.read() as work:
            found = await work.users.credentials(email=normal)
        return found.user if found else None

    async def listing(
        self, *, query: str, user_ids: tuple[str, ...] = (), page_size: int, page_token: str
    ) -> Page[User]:
        """Accounts whose email, name or id contains the query, newest first, and how many there are in all.

        Only those of `user_ids` where any is given. Raises InvalidInput.
        """
        limit, before = paging.limit(page_size), paging.cursor(page_token, _LIST)
        with fields.checked() as given:
            query = given.text("query", query, at_most=QUERY_CHARACTERS)
            if len(user_ids) > paging.LARGEST_SIZE:
                given.refuse("user_ids", f"At most {paging.LARGEST_SIZE} accounts can be asked for at once.")
        asked = [each for each in user_ids if fields.is_id(each)]
        if user_ids and not asked:
            # None of them can be an id; without any the whole list would be asked for.
            return Page(items=())
        async with self._storage.read() as work:
            found = await work.users.listing(query=query, user_ids=asked, before=before, limit=limit)
            page = paging.page(found, _LIST)
            return dataclasses.replace(
                page,
                items=await _with_last_seen(work, page.items),
                total=await work.users.count(query=query, user_ids=asked),
            )

    async def update(self, caller: Caller, user_id: str, changes: Mapping[str, str]) -> User:
        """Set the profile fields given by name. Raises UserNotFound, InvalidInput, EmailTaken."""
        user_id = whose(caller, user_id)
        with fields.checked() as given:
            checks = {"email": given.email, "mobile": given.mobile}
            new = {
                name: checks[name](name, value)
                if name in checks
                else given.text(name, value, at_most=fields.NAME_CHARACTERS)
                for name, value in changes.items()
            }
        try:
            async with self._storage.write() as work:
                user = await work.users.change(user_id, new) if new else await work.users.get(user_id)
                if user is not None and new:
                    await audit.note(
                        work,
                        DeedKind.USER_CHANGED,
                        by=caller.subject,
                        now=self._now(),
                        user_id=user_id,
                        detail=", ".join(sorted(new)),
                    )
        except Conflict as conflict:
            raise EmailTaken from conflict
        if user is None:
            raise UserNotFound
        return user

    async def change_password(self, caller: Caller, *, current: str, new: str) -> int:
        """Set the caller's password and end their other sessions; says how many. Raises WrongCredentials."""
        with fields.checked() as given:
            given.password("new_password", new)
        async with self._storage.read() as work:
            found = await work.users.credentials(user_id=caller.subject)
        right = await self._passwords.verify(current, found.password_hash if found else None)
        if found is None or not right:
            raise WrongCredentials("The current password is wrong.")
        new_hash = await self._passwords.hash(new)
        async with self._storage.write() as work:
            if not await work.users.replace_password(caller.subject, old_hash=found.password_hash, new_hash=new_hash):
                raise WrongCredentials("The current password is wrong.")
            # One that somebody else got hold of must not undo this.
            await work.resets.remove(caller.subject)
            return await end_all(work, caller.subject, self._now(), but=caller.session_id)


async def _with_last_seen(work: Work, users: tuple[User, ...]) -> tuple[User, ...]:
    seen = await work.users.last_seen([each.user_id for each in users]) if users else {}
    return tuple(dataclasses.replace(each, last_seen_time=seen.get(each.user_id)) for each in users)


async def _add_with_tokens(work: Work, user: User, password_hash: str, *, reason: str) -> None:
    await work.users.add(user, password_hash)
    if user.tokens:
        await work.purse.add_entry(
            Entry(
                entry_id=shortuuid.uuid(),
                user_id=user.user_id,
                kind=EntryKind.SIGN_UP,
                amount=user.tokens,
                balance_after=user.tokens,
                reason=reason,
                created_time=user.created_time,
            )
        )
