"""What staff do at the command line, on a database of each kind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from daydream.auth.v1 import accounts_pb2, auth_pb2, codes_pb2

from tests.support.auth import SECRETS, RunningAuth, running_auth

ROOT = Path(__file__).parents[3]


class CommandLine:
    """`python -m services.auth …` on the database that a server in this process uses."""

    def __init__(self, url: str, folder: Path) -> None:
        """The data folder holds the same signing key."""
        self._environment = {
            **os.environ,
            "DAYDREAM_DATA_DIR": str(folder),
            "AUTH_DATABASE_URL": url,
            "AUTH_SERVICE_SECRETS": ",".join(f"{name}={secret}" for name, secret in SECRETS.items()),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        command = [sys.executable, "-m", "services.auth", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=150, check=False
        )

    def printed(self, *arguments: str) -> Any:
        """What it prints; one line of JSON."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)


@pytest.fixture
def line(auth_url: str, tmp_path: Path) -> CommandLine:
    """The command line of the test's server."""
    return CommandLine(auth_url, tmp_path)


async def test_a_code_from_the_command_line_is_worth_its_tokens(auth: RunningAuth, line: CommandLine) -> None:
    person = await auth.sign_up()

    made = line.printed("issue-code", "--tokens", "7", "--reason", "a gift", "--max-redemptions", "2")
    entry = await auth.codes.RedeemCode(codes_pb2.RedeemCodeRequest(text=made["code"]), metadata=person.metadata)

    assert (made["tokens"], made["max_redemptions"]) == (7, 2)
    assert entry.entry.balance_after == 107


async def test_an_invitation_from_the_command_line_lets_the_first_person_in(database_url: str, tmp_path: Path) -> None:
    async with running_auth(database_url, tmp_path, signup="code") as auth:
        made = CommandLine(database_url, tmp_path).printed("issue-code", "--invitation", "--reason", "for Ada")
        request = auth_pb2.SignUpRequest(email="ada@example.org", password="correct horse", code=made["code"])
        opened = (await auth.auth.SignUp(request, metadata=auth.web)).opened

    assert opened.user.email == "ada@example.org"


async def test_a_reset_link_from_the_command_line_sets_a_new_password(auth: RunningAuth, line: CommandLine) -> None:
    person = await auth.sign_up()

    made = line.printed("reset-link", "--email", "ADA@example.org", "--site", "https://studio.example.org/")
    start, _, secret = made["link"].partition("=")
    await auth.accounts.ResetPassword(
        accounts_pb2.ResetPasswordRequest(secret=secret, new_password="a better password"), metadata=auth.web
    )

    assert start == "https://studio.example.org/reset-password?token"
    assert (await auth.sign_in(password="a better password")).user_id == person.user_id


async def test_what_is_refused_at_the_command_line_is_one_sentence(auth: RunningAuth, line: CommandLine) -> None:
    refused = [
        line.run("reset-link", "--email", "nobody@example.org"),
        line.run("issue-code", "--tokens", "-5", "--reason", "a gift"),
        line.run("issue-code", "--invitation", "--reason", ""),
    ]

    assert [done.returncode for done in refused] == [1, 1, 1]
    assert [done.stderr.splitlines()[-1] for done in refused] == [
        "There is no such user.",
        "The value of tokens must be a whole number from 1 to 1000000000.",
        "The reason has 1 to 150 characters.",
    ]
    assert await auth.sql("SELECT 1 FROM codes") == []
