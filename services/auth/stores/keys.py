"""API keys in SQL."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import ApiKeyRow, UserRow
from services.auth.storage import Listing
from services.auth.stores import rows
from services.auth.stores.users import user_of
from services.auth.values import ApiKey, User
from services.foundation.identity import Scope


def _key_of(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        api_key_id=row.api_key_id,
        user_id=row.user_id,
        name=row.name,
        scopes=frozenset(Scope(word) for word in row.scopes.split()),
        prefix=row.prefix,
        created_time=row.created_time,
        last_used_time=row.last_used_time,
    )


class SqlApiKeys:
    """API keys."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def add(self, key: ApiKey, secret_hash: str) -> None:
        """Write a new key."""
        await self._session.execute(
            sa.insert(ApiKeyRow).values(
                api_key_id=key.api_key_id,
                user_id=key.user_id,
                name=key.name,
                scopes=" ".join(sorted(scope.value for scope in key.scopes)),
                prefix=key.prefix,
                secret_hash=secret_hash,
                created_time=key.created_time,
                last_used_time=key.last_used_time,
            )
        )

    async def find(self, secret_hash: str) -> tuple[ApiKey, User] | None:
        """The key with this secret and its account."""
        statement = (
            sa.select(ApiKeyRow, UserRow)
            .join(UserRow, UserRow.uuid == ApiKeyRow.user_id)
            .where(ApiKeyRow.secret_hash == secret_hash)
        )
        found = (await self._session.execute(statement)).one_or_none()
        return None if found is None else (_key_of(found[0]), user_of(found[1]))

    async def is_there(self, user_id: str, api_key_id: str) -> bool:
        """Whether a person has this key."""
        statement = sa.select(sa.true()).where(ApiKeyRow.user_id == user_id, ApiKeyRow.api_key_id == api_key_id)
        return await self._session.scalar(statement) is not None

    async def touch(self, api_key_id: str, now: dt.datetime) -> None:
        """Note that it was used now."""
        statement = sa.update(ApiKeyRow).where(ApiKeyRow.api_key_id == api_key_id).values(last_used_time=now)
        await rows.count_changed(self._session, statement)

    async def listing(self, user_id: str, *, before: int | None, limit: int) -> Listing[ApiKey]:
        """A person's keys."""
        return await rows.listing(
            self._session, ApiKeyRow, ApiKeyRow.user_id == user_id, before=before, limit=limit, value=_key_of
        )

    async def remove(self, user_id: str, api_key_id: str) -> bool:
        """Revoke one of a person's keys."""
        statement = sa.delete(ApiKeyRow).where(ApiKeyRow.user_id == user_id, ApiKeyRow.api_key_id == api_key_id)
        return await rows.count_changed(self._session, statement) > 0

    async def remove_all(self, user_id: str) -> None:
        """Revoke every key of a person's."""
        await rows.count_changed(self._session, sa.delete(ApiKeyRow).where(ApiKeyRow.user_id == user_id))
