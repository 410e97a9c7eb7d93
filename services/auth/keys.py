"""API keys: programs act for a person with them, within the scopes they carry."""

import dataclasses
import datetime as dt
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import shortuuid

from services.auth import fields, paging
from services.auth.errors import ApiKeyNotFound, UnknownApiKey
from services.auth.noting import Notes
from services.auth.ownership import check_believed, lock_account
from services.auth.secret_text import hash_secret, new_secret
from services.auth.storage import Storage
from services.auth.tokens import PEOPLE_SCOPES, Signer
from services.auth.values import ApiKey, IdentityToken, Page, User
from services.foundation import errors
from services.foundation.identity import Caller, Scope

START: Final = "dd_"
PREFIX_CHARACTERS: Final = len(START) + 6
KEY_NAME_CHARACTERS: Final = 64
# Noting every use would turn each call into a write.
USED_EVERY: Final = dt.timedelta(minutes=1)
_LIST: Final = "keys"


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Who a key is."""

    key: ApiKey
    """The key."""
    user: User
    """The account."""
    identity_token: IdentityToken
    """Says it to the other services, with the key's scopes."""


def is_secret(text: str) -> bool:
    """Whether a text has the form of a key's secret: 256 random bits behind the prefix."""
    return re.fullmatch(START + r"[A-Za-z0-9_-]{43}", text) is not None


def draw(
    user_id: str, name: str, scopes: Iterable[Scope], now: dt.datetime, *, secret: str | None = None
) -> tuple[ApiKey, str]:
    """A new key and its secret, still to be written; `secret` for one that was drawn elsewhere."""
    secret = secret or START + new_secret()
    key = ApiKey(
        api_key_id=shortuuid.uuid(),
        user_id=user_id,
        name=name,
        scopes=frozenset(scopes),
        prefix=secret[:PREFIX_CHARACTERS],
        created_time=now,
    )
    return key, secret


class ApiKeys:
    """Everything about API keys."""

    def __init__(self, storage: Storage, signer: Signer, *, now: Callable[[], dt.datetime]) -> None:
        """`now` is the clock, aware."""
        self._storage, self._signer, self._now = storage, signer, now
        self._notes = Notes()

    async def create(self, caller: Caller, *, name: str, scopes: tuple[str, ...]) -> tuple[ApiKey, str]:
        """Make a key for the caller; gives it with its secret.

        Raises InvalidInput, UserNotFound, AccountSuspended, SessionEnded, UnknownApiKey, and NotAllowed for a scope
        that the caller does not have: a key makes no stronger key.
        """
        known = {scope.value for scope in Scope}
        with fields.checked() as given:
            name = given.text("name", name, at_least=1, at_most=KEY_NAME_CHARACTERS)
            if not known.issuperset(scopes):
                given.refuse("scopes", "The scopes are of generate, read and admin.")
        wanted = frozenset(Scope(scope) for scope in scopes) or PEOPLE_SCOPES
        if Scope.ADMIN in wanted and not caller.is_staff:
            raise errors.NotAllowed("Only staff may make a key with the admin scope.")
        if not wanted <= caller.scopes:
            raise errors.NotAllowed("A key can have only scopes that you are signed in with.")
        now = self._now()
        key, secret = draw(caller.subject, name, wanted, now)
        async with self._storage.write() as work:
            await lock_account(work, caller.subject)
            await check_believed(work, caller, now)
            await work.keys.add(key, hash_secret(secret))
        return key, secret

    async def resolve(self, secret: str) -> Resolved:
        """Who a key is. Raises UnknownApiKey, also while the account is suspended."""
        now = self._now()
        async with self._storage.read() as work:
            found = await work.keys.find(hash_secret(secret))
        if found is None:
            raise UnknownApiKey
        key, user = found
        if not user.active:
            raise UnknownApiKey
        due = key.last_used_time is None or now - key.last_used_time >= USED_EVERY
        if due and await self._notes.write(functools.partial(self._note_used, key.api_key_id, now)):
            key = dataclasses.replace(key, last_used_time=now)
        token = self._signer.for_user(user, key.scopes, key_id=key.api_key_id)
        return Resolved(key=key, user=user, identity_token=token)

    async def _note_used(self, api_key_id: str, now: dt.datetime) -> None:
        async with self._storage.write() as work:
            await work.keys.touch(api_key_id, now)

    async def listing(self, caller: Caller, *, page_size: int, page_token: str) -> Page[ApiKey]:
        """The caller's keys, newest first."""
        limit, before = paging.limit(page_size), paging.cursor(page_token, _LIST)
        async with self._storage.read() as work:
            found = await work.keys.listing(caller.subject, before=before, limit=limit)
        return paging.page(found, _LIST)

    async def revoke(self, caller: Caller, api_key_id: str) -> None:
        """Refuse one of the caller's keys from now on. Raises ApiKeyNotFound."""
        if not fields.is_id(api_key_id):
            raise ApiKeyNotFound
        async with self._storage.write() as work:
            if not await work.keys.remove(caller.subject, api_key_id):
                raise ApiKeyNotFound
