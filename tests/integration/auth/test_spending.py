"""What a ledger says when it is asked for a part of it: what was added, what was spent, what a month has cost."""

import datetime as dt
from typing import Any

import grpc
from daydream.auth.v1 import auth_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.auth import Person, RunningAuth, refusal
from tests.support.auth_purse import grant, hold, settle


async def pages(auth: RunningAuth, person: Person, direction: auth_pb2.EntryDirection.ValueType) -> list[list[int]]:
    """The amounts of a ledger's part, page by page."""
    found, token = [], ""
    while True:
        request = auth_pb2.ListEntriesRequest(page_size=2, page_token=token, direction=direction)
        page = await auth.purse.ListEntries(request, metadata=person.metadata)
        found.append([entry.amount for entry in page.entries])
        token = page.next_page_token
        if not token:
            return found


def spending(auth: RunningAuth, person: Person, user_id: str = "", since: dt.datetime | None = None) -> Any:
    """Ask what tasks have cost."""
    stamp = None
    if since is not None:
        stamp = Timestamp()
        stamp.FromDatetime(since)
    request = auth_pb2.GetSpendingRequest(user_id=user_id, since=stamp)
    return auth.purse.GetSpending(request, metadata=person.metadata)


async def test_a_part_of_the_ledger_pages_without_gaps(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    for number in range(1, 4):
        await hold(auth, person, f"task-{number}", tokens=number)
        await settle(auth, person, f"task-{number}", charge=1)
        await grant(auth, staff, person, 10 * number, request_id=f"grant-{number}")

    added = await pages(auth, person, auth_pb2.ENTRY_DIRECTION_ADDED)
    spent = await pages(auth, person, auth_pb2.ENTRY_DIRECTION_SPENT)

    assert added == [[30, 2], [20, 1], [10, 100]]
    assert spent == [[-3, -2], [-1]]


async def test_a_direction_that_is_none_is_refused_and_does_not_mean_all(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    # A client of a later contract may send what this one does not know.
    request = auth_pb2.ListEntriesRequest.FromString(b"\x20\x07")

    code, error = await refusal(auth.purse.ListEntries(request, metadata=person.metadata))

    assert (code, [each.field for each in error.fields]) == (grpc.StatusCode.INVALID_ARGUMENT, ["direction"])


async def test_what_tasks_cost_counts_what_was_kept_and_not_what_is_held_or_came_back(auth: RunningAuth) -> None:
    person, other = await auth.sign_up(), await auth.sign_up("eve@example.org")
    await hold(auth, person, "task-1", tokens=30)
    await settle(auth, person, "task-1", charge=20)
    await hold(auth, person, "task-2", tokens=7)
    await hold(auth, person, "task-3", tokens=5)
    await settle(auth, person, "task-3", charge=0)
    await hold(auth, other, "task-4", tokens=9)
    await settle(auth, other, "task-4", charge=9)

    found = await spending(auth, person)

    assert found == auth_pb2.GetSpendingResponse(charged=20, open_holds=1)


async def test_only_what_was_submitted_since_counts_but_every_open_hold(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await hold(auth, person, "task-1", tokens=30)
    await settle(auth, person, "task-1", charge=20)
    await hold(auth, person, "task-2", tokens=7)
    hour = dt.timedelta(hours=1)
    now = dt.datetime.now(dt.UTC)

    before, after = await spending(auth, person, since=now - hour), await spending(auth, person, since=now + hour)

    assert before == auth_pb2.GetSpendingResponse(charged=20, open_holds=1)
    assert after == auth_pb2.GetSpendingResponse(charged=0, open_holds=1)


async def test_anothers_spending_looks_like_nobodys_save_to_staff(auth: RunningAuth) -> None:
    ada, eve, staff = await auth.sign_up(), await auth.sign_up("eve@example.org"), await auth.staff()

    refused = [await refusal(spending(auth, eve, each)) for each in (ada.user_id, "nobody")]
    seen = await spending(auth, staff, ada.user_id)

    assert {(code, error.detail_reason) for code, error in refused} == {(grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")}
    assert seen == auth_pb2.GetSpendingResponse()
