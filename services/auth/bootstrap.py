"""What is wired to what."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daydream.auth.v1 import auth_pb2, auth_pb2_grpc
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.access import ACCESS
from services.auth.accounts import Accounts
from services.auth.keys import ApiKeys
from services.auth.passwords import Passwords
from services.auth.purse import Purse
from services.auth.service_secrets import ServiceSecrets
from services.auth.servicers.auth import AuthServicer
from services.auth.servicers.purse import PurseServicer
from services.auth.servicers.users import UserServicer
from services.auth.sessions import Sessions
from services.auth.settings import Settings
from services.auth.stores import SqlStorage
from services.auth.tokens import Signer, load_or_create_key
from services.foundation import database
from services.foundation.database import utc_now
from services.foundation.identity import Verifier
from services.foundation.rpc.server import Server

MIGRATIONS: Final = Path(__file__).parent / "migrations"
SERVICES: Final = tuple(service.full_name for service in auth_pb2.DESCRIPTOR.services_by_name.values())
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
    service_secrets: ServiceSecrets
    """Other services."""

    async def close(self) -> None:
        """Let go of threads and connections."""
        self.passwords.close()
        await self.engine.dispose()


def build(settings: Settings) -> Auth:
    """Put the service together; makes the signing key if it is missing, connects nowhere. Raises KeyFileUnusable."""
    signer = Signer(load_or_create_key(settings.key_file), now=utc_now)
    engine = database.open_engine(settings.database)
    storage = SqlStorage(engine)
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
            sign_up_open=settings.signup == "open",
            sign_up_tokens=settings.signup_tokens,
            now=utc_now,
        ),
        sessions=sessions,
        keys=ApiKeys(storage, signer, now=utc_now),
        purse=Purse(storage, now=utc_now),
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
    return server
