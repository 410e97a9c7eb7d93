"""What auth tells the other services: written down with the change itself, published until NATS has it."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import nats
from daydream.auth.v1 import accounts_pb2, auth_pb2, events_pb2

from services.foundation import events
from tests.support.auth import PASSWORD, Person, RunningAuth, refusal, running_auth
from tests.support.nats import Nats

SECONDS = 60


async def written(auth: RunningAuth) -> list[tuple[str, str, str]]:
    """What waits in the outbox: subject, user and session, in the order of subjects and sessions."""
    found = []
    for row in await auth.sql("SELECT event_id, subject, payload FROM outbox"):
        event_id, subject, payload = tuple(row)
        kind: Any = events_pb2.SessionEnded if subject == events.SESSION_ENDED else events_pb2.UserDeleted
        event = kind.FromString(payload)
        assert event.event_id == event_id
        assert event.HasField("time")
        found.append((subject, event.user_id, getattr(event, "session_id", "")))
    return sorted(found)


def ended(*people: Person) -> list[tuple[str, str, str]]:
    """The events for these sessions."""
    return sorted((events.SESSION_ENDED, person.user_id, person.session_id) for person in people)


async def test_signing_out_tells_once_that_the_session_ended(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    for _ in range(2):
        await auth.auth.SignOut(auth_pb2.SignOutRequest(session_secret=person.secret), metadata=auth.web)

    assert await written(auth) == ended(person)


async def test_ending_a_session_from_the_list_tells_of_that_one(auth: RunningAuth) -> None:
    first, other = await auth.sign_up(), await auth.sign_up("eve@example.org")
    second = await auth.sign_in()

    await auth.auth.EndSession(auth_pb2.EndSessionRequest(session_id=second.session_id), metadata=first.metadata)
    await refusal(
        auth.auth.EndSession(auth_pb2.EndSessionRequest(session_id=other.session_id), metadata=first.metadata)
    )

    assert await written(auth) == ended(second)


async def test_a_new_password_tells_of_every_other_session(auth: RunningAuth) -> None:
    first = await auth.sign_up()
    second, third = await auth.sign_in(), await auth.sign_in()
    request = auth_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password="a better password")

    await auth.users.ChangePassword(request, metadata=third.metadata)

    assert await written(auth) == ended(first, second)


async def test_a_reset_and_a_suspension_tell_of_every_session(auth: RunningAuth) -> None:
    staff, ada, eve = await auth.staff(), await auth.sign_up(), await auth.sign_up("eve@example.org")
    again = await auth.sign_in()
    link = await auth.accounts.CreateResetLink(
        accounts_pb2.CreateResetLinkRequest(user_id=ada.user_id), metadata=staff.metadata
    )

    await auth.accounts.ResetPassword(
        accounts_pb2.ResetPasswordRequest(secret=link.secret, new_password="a better password"), metadata=auth.web
    )
    for _ in range(2):
        await auth.accounts.SuspendUser(accounts_pb2.SuspendUserRequest(user_id=eve.user_id), metadata=staff.metadata)

    assert await written(auth) == ended(ada, again, eve)


async def test_a_deletion_tells_of_the_account_and_its_sessions_once(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    again = await auth.sign_in()
    request = accounts_pb2.DeleteUserRequest(password=PASSWORD)

    results = await asyncio.gather(
        *(auth.accounts.DeleteUser(request, metadata=person.metadata) for _ in range(3)), return_exceptions=True
    )

    assert sum(isinstance(each, accounts_pb2.DeleteUserResponse) for each in results) == 1
    assert await written(auth) == sorted([*ended(person, again), (events.USER_DELETED, person.user_id, "")])


async def test_what_is_refused_tells_nobody_anything(auth: RunningAuth) -> None:
    staff = await auth.staff()

    code, _ = await refusal(auth.accounts.SuspendUser(accounts_pb2.SuspendUserRequest(), metadata=staff.metadata))
    await refusal(auth.accounts.DeleteUser(accounts_pb2.DeleteUserRequest(password=PASSWORD), metadata=staff.metadata))

    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert await written(auth) == []
    assert len(await auth.sql("SELECT 1 FROM sessions")) == 1


@contextlib.asynccontextmanager
async def subscribed(url: str) -> AsyncIterator["asyncio.Queue[bytes]"]:
    """What arrives on JetStream's side of the accounts' subjects."""
    client = await nats.connect(url)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    try:
        jetstream = await events.declare_streams(client)

        async def take(message: Any) -> None:
            heard.put_nowait(message.data)

        await jetstream.subscribe(f"{events.USER_DELETED}.*", cb=take, ordered_consumer=True)
        yield heard
    finally:
        await client.close()


async def deletions(heard: "asyncio.Queue[bytes]", *wanted: str) -> list[events_pb2.UserDeleted]:
    """The events of these users, once all of them have been heard; the session's NATS keeps other tests' as well."""
    found: dict[str, events_pb2.UserDeleted] = {}
    async with asyncio.timeout(SECONDS):
        while len(found) < len(wanted):
            deleted = events_pb2.UserDeleted.FromString(await heard.get())
            if deleted.user_id in wanted:
                found[deleted.user_id] = deleted
    return list(found.values())


async def drained(auth: RunningAuth) -> None:
    """Return once nothing waits in the outbox."""
    deadline = time.monotonic() + SECONDS
    while await auth.sql("SELECT 1 FROM outbox"):
        assert time.monotonic() < deadline, "the outbox does not drain"
        # A pause between looks: on SQLite each one keeps every writer out.
        await asyncio.sleep(0.05)


async def test_the_outbox_drains_into_jetstream_and_a_repeat_is_taken_for_one(
    database_url: str, tmp_path: Path, nats_url: str
) -> None:
    async with running_auth(database_url, tmp_path, nats_url=nats_url) as auth, subscribed(nats_url) as heard:
        person = await auth.sign_up()
        async with auth.parts.telling():
            await auth.accounts.DeleteUser(accounts_pb2.DeleteUserRequest(password=PASSWORD), metadata=person.metadata)
            await drained(auth)
            (deleted,) = await deletions(heard, person.user_id)
            # As after a crash between publishing and noting it.
            await auth.parts.bus.publisher.publish(events.USER_DELETED, deleted.event_id, b"again")
            client = await nats.connect(nats_url)
            kept = await client.jetstream().get_last_msg(
                events.ACCOUNTS_STREAM, f"{events.USER_DELETED}.{deleted.event_id}"
            )
            await client.close()

    assert deleted.user_id == person.user_id
    assert kept.data == deleted.SerializeToString()


async def test_while_nats_is_away_accounts_are_changed_all_the_same_and_events_wait(
    database_url: str, tmp_path: Path
) -> None:
    server = Nats()
    try:
        server.stop()
        async with running_auth(database_url, tmp_path, nats_url=server.url) as auth:
            person = await auth.sign_up()
            async with auth.parts.telling():
                await auth.accounts.DeleteUser(
                    accounts_pb2.DeleteUserRequest(password=PASSWORD), metadata=person.metadata
                )
                waiting = await written(auth)
                server.start()
                await drained(auth)
        async with subscribed(server.url) as heard:
            (deleted,) = await deletions(heard, person.user_id)
    finally:
        server.remove()

    assert waiting == sorted([*ended(person), (events.USER_DELETED, person.user_id, "")])
    assert deleted.user_id == person.user_id


async def test_several_replicas_share_one_outbox(database_url: str, tmp_path: Path, nats_url: str) -> None:
    replicas = 3
    async with contextlib.AsyncExitStack() as running:
        auths = [
            await running.enter_async_context(running_auth(database_url, tmp_path, nats_url=nats_url))
            for _ in range(replicas)
        ]
        people = await auths[0].crowd(30)
        staff = await auths[0].staff()
        await asyncio.gather(
            *(
                auths[number % replicas].accounts.DeleteUser(
                    accounts_pb2.DeleteUserRequest(user_id=person.user_id), metadata=staff.metadata
                )
                for number, person in enumerate(people)
            )
        )
        waiting = len(await written(auths[0]))
        heard = await running.enter_async_context(subscribed(nats_url))
        for auth in auths:
            await running.enter_async_context(auth.parts.telling())
        await drained(auths[0])
        told = await deletions(heard, *(person.user_id for person in people))

    assert waiting == len(people)
    assert {each.user_id for each in told} == {person.user_id for person in people}
