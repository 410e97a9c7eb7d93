"""Sign-up open to all, by invitation, or closed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from daydream.auth.v1 import auth_pb2, codes_pb2

from services.auth.values import SignUpMode
from tests.support.auth import PASSWORD, RunningAuth, refusal, running_auth


@pytest.fixture
async def inviting(database_url: str, tmp_path: Path) -> AsyncIterator[RunningAuth]:
    """auth where sign-up is by code."""
    async with running_auth(database_url, tmp_path, signup="code") as running:
        yield running


async def invitation(auth: RunningAuth, **values: Any) -> tuple[str, str]:
    """Id and text of an invitation from the command line."""
    told: dict[str, Any] = {"kind": codes_pb2.CODE_KIND_INVITATION, "reason": "for a friend"} | values
    staff = await auth.staff()
    issued = await auth.codes.IssueCode(codes_pb2.IssueCodeRequest(**told), metadata=staff.metadata)
    return issued.code.code_id, issued.text


def sign_up(auth: RunningAuth, email: str, code: str) -> Any:
    """Sign up with a code."""
    request = auth_pb2.SignUpRequest(email=email, password=PASSWORD, code=code)
    return auth.auth.SignUp(request, metadata=auth.web)


async def used(auth: RunningAuth) -> list[tuple[int, ...]]:
    """Of every code, the redemptions counted and noted."""
    rows = await auth.sql(
        "SELECT redemptions, (SELECT count(*) FROM redemptions WHERE redemptions.code_id = codes.code_id) FROM codes"
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("mode", list(SignUpMode))
async def test_services_learn_who_may_sign_up_and_what_an_account_begins_with(tmp_path: Path, mode: SignUpMode) -> None:
    async with running_auth(f"sqlite+aiosqlite:///{tmp_path}/test.db", tmp_path, signup=mode.value) as auth:
        answer = await auth.auth.GetSignUpMode(auth_pb2.GetSignUpModeRequest(), metadata=auth.stranger)

    assert auth_pb2.SignUpMode.Name(answer.mode) == f"SIGN_UP_MODE_{mode.name}"
    assert answer.sign_up_tokens == 100


async def test_an_invitation_lets_one_person_in_with_the_sign_up_tokens(inviting: RunningAuth) -> None:
    _, text = await invitation(inviting)

    opened = (await sign_up(inviting, "ada@example.org", text.lower())).opened
    second = await refusal(sign_up(inviting, "eve@example.org", text))

    assert opened.user.tokens == 100
    assert (second[0], second[1].detail_reason) == (grpc.StatusCode.NOT_FOUND, "CODE_NOT_VALID")
    assert await used(inviting) == [(1, 1)]


async def test_without_a_good_invitation_nobody_gets_in_or_learns_which_addresses_are_taken(
    inviting: RunningAuth,
) -> None:
    await inviting.staff("taken@example.org")
    withdrawn_id, withdrawn = await invitation(inviting)
    staff = await inviting.sign_in("taken@example.org")
    tokens = await inviting.codes.IssueCode(
        codes_pb2.IssueCodeRequest(kind=codes_pb2.CODE_KIND_TOKENS, tokens=5, reason="a gift"), metadata=staff.metadata
    )
    await inviting.codes.WithdrawCode(codes_pb2.WithdrawCodeRequest(code_id=withdrawn_id), metadata=staff.metadata)

    for email in ("ada@example.org", "taken@example.org"):
        for none in ("", "  "):
            code, error = await refusal(sign_up(inviting, email, none))
            assert (code, error.detail_reason) == (grpc.StatusCode.PERMISSION_DENIED, "INVITATION_NEEDED")
        for bad in ("x", "00000-00000-00000-00000-00000", withdrawn, tokens.text):
            code, error = await refusal(sign_up(inviting, email, bad))
            assert (code, error.detail_reason) == (grpc.StatusCode.NOT_FOUND, "CODE_NOT_VALID")

    assert await used(inviting) == [(0, 0), (0, 0)]
    assert len(await inviting.sql("SELECT 1 FROM users")) == 2


async def test_a_sign_up_that_fails_uses_no_invitation(inviting: RunningAuth) -> None:
    _, text = await invitation(inviting, max_redemptions=2)
    await sign_up(inviting, "ada@example.org", text)

    taken = await refusal(sign_up(inviting, "ADA@example.org", text))
    wrong = await refusal(sign_up(inviting, "not an address", text))

    assert (taken[1].detail_reason, wrong[0]) == ("EMAIL_TAKEN", grpc.StatusCode.INVALID_ARGUMENT)
    assert await used(inviting) == [(1, 1)]


async def test_of_many_who_come_at_once_as_many_get_in_as_the_invitation_allows(inviting: RunningAuth) -> None:
    _, text = await invitation(inviting, max_redemptions=3)

    results = await asyncio.gather(
        *(sign_up(inviting, f"person-{number}@example.org", text) for number in range(10)), return_exceptions=True
    )

    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.NOT_FOUND] * 7
    assert await used(inviting) == [(3, 3)]
    assert len(await inviting.sql("SELECT 1 FROM users WHERE role = 'user'")) == 3


async def test_where_sign_up_is_open_a_code_is_not_looked_at(auth: RunningAuth) -> None:
    _, text = await invitation(auth)

    await sign_up(auth, "ada@example.org", text)
    await sign_up(auth, "eve@example.org", "whatever")

    assert await used(auth) == [(0, 0)]
