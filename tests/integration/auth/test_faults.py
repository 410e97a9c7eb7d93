"""auth killed at the worst moment: what it answered holds, and what it owes others they get from the next one."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import nats
from daydream.auth.v1 import accounts_pb2, accounts_pb2_grpc, auth_pb2, auth_pb2_grpc, events_pb2

from services.foundation import events
from services.foundation.rpc import client
from tests.support.auth_process import PASSWORD, WEB_SECRET, Command, wait_until_serving
from tests.support.nats import Nats


def sign_up_and_delete(target: str) -> auth_pb2.OpenedSession:
    """An account that is made and deleted again, by a program that waits for both answers."""
    with grpc.insecure_channel(target) as channel:
        wait_until_serving(channel)
        auth, accounts = auth_pb2_grpc.AuthServiceStub(channel), accounts_pb2_grpc.AccountServiceStub(channel)
        service = auth.IssueServiceToken(
            auth_pb2.IssueServiceTokenRequest(service="web", secret=WEB_SECRET), timeout=60
        )
        opened = auth.SignUp(
            auth_pb2.SignUpRequest(email="ada@example.org", password=PASSWORD),
            metadata=tuple(client.bearer(service.identity_token.token)),
            timeout=60,
        ).opened
        accounts.DeleteUser(
            accounts_pb2.DeleteUserRequest(password=PASSWORD),
            metadata=tuple(client.bearer(opened.identity_token.token)),
            timeout=60,
        )
    return opened


async def first_message(url: str, subject: str) -> bytes:
    """The oldest message that JetStream has, or gets, under a subject."""
    connection = await nats.connect(url)
    try:
        jetstream = await events.declare_streams(connection)
        subscription = await jetstream.subscribe(f"{subject}.*", ordered_consumer=True)
        data: Any = (await subscription.next_msg(timeout=90)).data
        return bytes(data)
    finally:
        await connection.close()


def test_events_of_a_killed_auth_are_published_by_the_next_one(database_url: str, tmp_path: Path) -> None:
    server = Nats()
    command = Command(tmp_path, AUTH_DATABASE_URL=database_url, NATS_URL=server.url)
    try:
        server.stop()
        assert command.run("migrate").returncode == 0
        # Leaving the block kills it, with NATS away since before it began.
        with command.serving():
            opened = sign_up_and_delete(f"127.0.0.1:{command.port}")
        server.start()

        with command.serving():
            deleted = events_pb2.UserDeleted.FromString(asyncio.run(first_message(server.url, events.USER_DELETED)))
            ended = events_pb2.SessionEnded.FromString(asyncio.run(first_message(server.url, events.SESSION_ENDED)))
    finally:
        server.remove()

    assert deleted.user_id == opened.user.user_id
    assert (ended.user_id, ended.session_id) == (opened.user.user_id, opened.session.session_id)
    log = (command.folder / "log").read_text()
    for secret in (PASSWORD, opened.session_secret, opened.identity_token.token):
        assert secret not in log
