"""What is wired to what."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daydream.auth.v1 import (
    accounts_pb2,
    accounts_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    auth_pb2,
    auth_pb2_grpc,
    codes_pb2,
    codes_pb2_grpc,
    grants_pb2,
    grants_pb2_grpc,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth import messages
from services.auth.access import ACCESS
from services.auth.accounts import Accounts
from services.auth.audit import Audit
from services.auth.bus import Bus
from services.auth.codes import Codes
from services.auth.delegations import Delegations
from services.auth.keys import ApiKeys
from services.auth.passwords import Passwords
from services.auth.purse import Purse
from services.auth.resets import Resets
from services.auth.service_secrets import ServiceSecrets
from services.auth.servicers.accounts import AccountServicer
from services.auth.servicers.audit import AuditServicer
from services.auth.servicers.auth import AuthServicer
from services.auth.servicers.codes import CodeServicer
from services.auth.servicers.grants import GrantServicer
from services.auth.servicers.purse import PurseServicer
from services.auth.servicers.users import UserServicer
from services.auth.sessions import Sessions
from services.auth.settings import Settings
from services.auth.sign_ins import SignIns
from services.auth.standing import Standing
from services.auth.stores import SqlStorage
from services.auth.tokens import Signer, load_or_create_key
from services.foundation import database, outbox
from services.foundation.database import utc_now
from services.foundation.identity import Verifier
from services.foundation.rpc.server import Server

MIGRATIONS: Final = Path(__file__).parent / "migrations"
SERVICES: Final = tuple(
    service.full_name
    for file in (auth_pb2, accounts_pb2, codes_pb2, grants_pb2, audit_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
)
# Half the cores hash, so that the other half answers everybody else during a flood of sign-ins; four threads sign in
# some 200 people a second. At about 20 ms a hash the last of the waiting is served within two seconds.
HASHING_THREADS: Final = min(4, max(1, (os.cpu_count() or 2) // 2))
HASHES_WAITING: Final = 64 * HASHING_THREADS


@dataclass(frozen=True, kw_only=True)
class Auth:
    """The parts of the service."""

    engine: AsyncEngine
    """The database."""
    passwords: Passwords
    """The hashing threads."""
    signer: Signer
    """The signing key."""
    accounts: Accounts
    """Accounts."""
    sessions: Sessions
    """Browser sessions."""
    keys: ApiKeys
    """API keys."""
    purse: Purse
    """Tokens."""
    codes: Codes
    """Codes that staff hand out."""
    resets: Resets
    """Links to set a new password with."""
    standing: Standing
    """Suspension and deletion."""
    sign_ins: SignIns
    """Sign-ins at the plugin host."""
    delegations: Delegations
    """What plugins' tasks may do in people's names."""
    audit: Audit
    """What staff did."""
    bus: Bus
    """The connection to NATS."""
    relay: outbox.Relay[outbox.Event]
    """Publishes what the outbox holds."""
    service_secrets: ServiceSecrets
    """Other services."""

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[set[asyncio.Task[None]]]:
        """Publish events while the block lasts; gives the loops, of which none should end before."""
        loops = {asyncio.create_task(self.bus.run()), asyncio.create_task(self.relay.run())}
        try:
            yield loops
        finally:
            running = set(loops)
            while running:
                # Once more if need be: before Python 3.12 a `wait_for`, such as nats-py's, can swallow a cancellation.
                for loop in running:
                    loop.cancel()
                _, running = await asyncio.wait(running, timeout=3)

    async def close(self) -> None:
        """Let go of threads and connections."""
        self.passwords.close()
        await self.engine.dispose()


def build(settings: Settings) -> Auth:
    """Put the service together; makes the signing key if it is missing, connects nowhere. Raises KeyFileUnusable."""
    signer = Signer(load_or_create_key(settings.key_file), now=utc_now)
    engine = database.open_engine(settings.database)
    storage = SqlStorage(engine, encode=messages.encode)
    bus = Bus(settings.nats_url)
    relay = outbox.event_relay(storage.events, bus.publisher)
    storage.listen(relay.wake)
    passwords = Passwords(threads=HASHING_THREADS, waiting=HASHES_WAITING)
    sessions = Sessions(storage, signer, now=utc_now)
    return Auth(
        engine=engine,
        passwords=passwords,
        signer=signer,
        accounts=Accounts(
            storage,
            passwords,
            sessions,
            sign_up_mode=settings.signup,
            sign_up_tokens=settings.signup_tokens,
            now=utc_now,
        ),
        sessions=sessions,
        keys=ApiKeys(storage, signer, now=utc_now),
        purse=Purse(storage, now=utc_now),
        codes=Codes(storage, now=utc_now),
        resets=Resets(storage, passwords, now=utc_now),
        standing=Standing(storage, passwords, now=utc_now),
        sign_ins=SignIns(storage, signer, now=utc_now),
        delegations=Delegations(storage, signer, now=utc_now),
        audit=Audit(storage),
        bus=bus,
        relay=relay,
        service_secrets=ServiceSecrets(
            signer, {name: secret.get_secret_value() for name, secret in settings.service_secrets.items()}
        ),
    )


def build_server(auth: Auth) -> Server:
    """A server with every servicer on it; auth checks its own callers with its own keys."""
    server = Server(verifier=Verifier(audience="auth", fetch_keys=auth.signer.fetch_keys), access=ACCESS)
    auth_pb2_grpc.add_AuthServiceServicer_to_server(
        AuthServicer(auth.accounts, auth.sessions, auth.keys, auth.service_secrets, auth.signer), server.grpc
    )
    auth_pb2_grpc.add_UserServiceServicer_to_server(UserServicer(auth.accounts), server.grpc)
    auth_pb2_grpc.add_PurseServiceServicer_to_server(PurseServicer(auth.purse), server.grpc)
    accounts_pb2_grpc.add_AccountServiceServicer_to_server(AccountServicer(auth.resets, auth.standing), server.grpc)
    codes_pb2_grpc.add_CodeServiceServicer_to_server(CodeServicer(auth.codes), server.grpc)
    grants_pb2_grpc.add_GrantServiceServicer_to_server(GrantServicer(auth.sign_ins, auth.delegations), server.grpc)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(AuditServicer(auth.audit), server.grpc)
    return server
