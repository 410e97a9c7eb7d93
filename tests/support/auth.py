"""auth as it runs, in this process: its real server on a loopback port, and calls in anybody's name."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import shortuuid
import sqlalchemy as sa
from daydream.auth.v1 import accounts_pb2_grpc, audit_pb2_grpc, auth_pb2, auth_pb2_grpc, codes_pb2_grpc, grants_pb2_grpc

from services.auth import bootstrap, messages
from services.auth.settings import Settings
from services.auth.stores import SqlStorage
from services.auth.tokens import PEOPLE_SCOPES
from services.auth.values import User
from services.foundation import errors, migrations
from services.foundation.database import utc_now
from services.foundation.rpc import client, status
from tests.support.patience import CALL_SECONDS
from tests.support.ports import free_port

SECRETS: Final = {
    "web": "web-secret-of-this-test",
    "tasks": "tasks-secret-of-this-test",
    "plugins": "plugins-secret-of-this-test",
    "stranger": "stranger-secret-of-this-test",
}
PASSWORD: Final = "correct horse battery"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody with an account and an open session."""

    user_id: str
    email: str
    session_id: str
    secret: str
    token: str

    @property
    def metadata(self) -> grpc.aio.Metadata:
        """Calls in the person's name."""
        return client.bearer(self.token)


class RunningAuth:
    """The server and what a test does with it."""

    def __init__(self, target: str, channel: grpc.aio.Channel, parts: bootstrap.Auth) -> None:
        """`target` is where it listens; `parts` are the insides, for what cannot be reached by a call."""
        self.target, self.channel, self.parts = target, channel, parts
        self.auth = auth_pb2_grpc.AuthServiceStub(channel)
        self.users = auth_pb2_grpc.UserServiceStub(channel)
        self.purse = auth_pb2_grpc.PurseServiceStub(channel)
        self.accounts = accounts_pb2_grpc.AccountServiceStub(channel)
        self.codes = codes_pb2_grpc.CodeServiceStub(channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(channel)
        self.grants = grants_pb2_grpc.GrantServiceStub(channel)
        self.web, self.tasks, self.plugins, self.stranger = (
            client.bearer(parts.service_secrets.issue(name, SECRETS[name]).token)
            for name in ("web", "tasks", "plugins", "stranger")
        )

    async def sign_up(self, email: str = "ada@example.org", password: str = PASSWORD) -> Person:
        """A new person, signed in."""
        answer = await self.auth.SignUp(auth_pb2.SignUpRequest(email=email, password=password), metadata=self.web)
        return _person(answer.opened)

    async def sign_in(self, email: str = "ada@example.org", password: str = PASSWORD, **more: Any) -> Person:
        """The same person in another browser."""
        request = auth_pb2.SignInRequest(email=email, password=password, **more)
        return _person((await self.auth.SignIn(request, metadata=self.web)).opened)

    async def staff(self, email: str = "staff@daydream.local", tokens: int = 1000) -> Person:
        """A staff account, signed in."""
        await self.parts.accounts.create_staff(email=email, password=PASSWORD, tokens=tokens, key_name="first run")
        return await self.sign_in(email)

    async def crowd(self, number: int) -> list[Person]:
        """So many people with 0 tokens and no password: hashing one for each would take seconds."""
        made = [
            User(user_id=shortuuid.uuid(), email=f"person-{each}@example.org", tokens=0, created_time=utc_now())
            for each in range(number)
        ]
        async with SqlStorage(self.parts.engine, encode=messages.encode).write() as work:
            for user in made:
                await work.users.add(user, "")
        return [
            Person(
                user_id=user.user_id,
                email=user.email,
                session_id="session",
                secret="",
                token=self.parts.signer.for_user(user, PEOPLE_SCOPES, session_id="session").token,
            )
            for user in made
        ]

    async def suspend(self, person: Person) -> None:
        """Suspend an account."""
        await self.sql("UPDATE users SET state = :state WHERE uuid = :uuid", state=False, uuid=person.user_id)

    async def sql(self, statement: str, **values: Any) -> list[sa.Row[Any]]:
        """What no call can do."""
        async with self.parts.engine.begin() as connection:
            result = await connection.execute(sa.text(statement), values)
            return list(result) if result.returns_rows else []

    async def ledger(self, person: Person) -> tuple[int, list[int]]:
        """The balance and every amount in the ledger, oldest first."""
        # One question, so that both are of one moment: a call that was given up may still be under way.
        rows = await self.sql(
            "SELECT users.tokens, entries.amount FROM users LEFT JOIN entries ON entries.user_id = users.uuid"
            " WHERE users.uuid = :uuid ORDER BY entries.id",
            uuid=person.user_id,
        )
        return rows[0].tokens, [row.amount for row in rows if row.amount is not None]


def _person(opened: auth_pb2.OpenedSession) -> Person:
    return Person(
        user_id=opened.user.user_id,
        email=opened.user.email,
        session_id=opened.session.session_id,
        secret=opened.session_secret,
        token=opened.identity_token.token,
    )


@asynccontextmanager
async def running_auth(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[RunningAuth]:
    """Migrate the database and serve until the block ends; `settings` replaces the defaults."""
    await migrations.upgrade(database_url, bootstrap.MIGRATIONS)
    target = f"127.0.0.1:{free_port()}"
    told: Mapping[str, Any] = {"service_secrets": SECRETS, **settings}
    parts = bootstrap.build(Settings(bind=target, database_url=database_url, data_dir=folder, **told))
    server = bootstrap.build_server(parts)
    await server.start(target, bootstrap.SERVICES)
    await server.ready()
    try:
        async with client.channel(target, seconds=CALL_SECONDS) as channel:
            yield RunningAuth(target, channel, parts)
    finally:
        await server.drain(0)
        await parts.close()


async def refusal(call: grpc.aio.UnaryUnaryCall[Any, Any]) -> tuple[grpc.StatusCode, errors.DaydreamError]:
    """The code and the error a call is refused with; a call that is not refused fails the test."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error.code(), status.from_rpc_error(error)
    raise AssertionError(f"not refused: {answer}")
