"""auth as a process: what it needs, what it says when that is missing, and how it stops."""

import json
import secrets
import signal
import socket
import stat
from pathlib import Path

import grpc
import pytest
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.auth import bootstrap
from tests.support.auth_process import PASSWORD, WEB_SECRET, Command, wait_until_serving
from tests.support.ports import free_port

pytestmark = pytest.mark.rotating
HEAD = sorted(path.name for path in (bootstrap.MIGRATIONS / "versions").glob("*.py"))[-1].partition("_")[0]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """A fresh data folder."""
    return Command(tmp_path)


def test_it_migrates_serves_and_stops_on_sigterm(command: Command) -> None:
    assert command.run("migrate").returncode == 0
    code, printed, _ = command.create_staff()
    assert code == 0
    made = json.loads(printed)

    with command.serving() as process, grpc.insecure_channel(f"127.0.0.1:{command.port}") as channel:
        wait_until_serving(channel)
        stub = auth_pb2_grpc.AuthServiceStub(channel)
        issued = stub.IssueServiceToken(auth_pb2.IssueServiceTokenRequest(service="web", secret=WEB_SECRET), timeout=60)
        web = (("authorization", f"Bearer {issued.identity_token.token}"),)
        resolved = stub.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=made["api_key"]), metadata=web, timeout=60)
        process.send_signal(signal.SIGTERM)
        stopped = process.wait(timeout=60)

    assert stopped == 0
    assert printed.count("\n") == 1
    assert made.keys() == {"user_id", "email", "api_key"}
    assert (resolved.user.user_id, resolved.user.email, resolved.user.tokens) == (
        made["user_id"], "staff@daydream.local", 1000,
    )  # fmt: skip
    assert (resolved.api_key.name, list(resolved.api_key.scopes)) == ("first run", ["admin", "generate", "read"])
    log = (command.folder / "log").read_text()
    assert "Traceback" not in log
    for secret in (PASSWORD, made["api_key"], issued.identity_token.token, WEB_SECRET):
        assert secret not in log


def test_its_files_are_nobody_elses_to_read(command: Command) -> None:
    command.run("migrate")

    command.create_staff()

    for name in ("auth.db", "auth/signing-key.pem"):
        assert stat.S_IMODE((command.folder / name).stat().st_mode) == 0o600


def test_a_second_staff_account_with_the_email_is_refused_with_code_3(command: Command) -> None:
    command.run("migrate")
    command.create_staff()

    code, printed, complaint = command.create_staff("Staff@Daydream.local")

    assert (code, printed, complaint) == (3, "", "There is an account with this email already.")


def test_a_password_is_read_from_a_file_and_a_bad_one_is_refused(command: Command) -> None:
    command.run("migrate")
    file = command.folder / "password"
    file.write_text(PASSWORD + "\n")

    made = command.run("create-staff", "--email", "staff@daydream.local", "--password-file", str(file), "--tokens", "5")
    short = command.create_staff("second@daydream.local", given="short\n")
    none = command.create_staff("second@daydream.local", given="")
    missing = command.run("create-staff", "--email", "x@daydream.local", "--password-file", "/nowhere")

    assert made.returncode == 0
    assert short == none == (1, "", "A password has 8 to 256 characters.")
    assert (missing.returncode, missing.stderr) == (1, "the password file /nowhere cannot be read\n")


def test_an_installer_may_draw_the_api_key_itself_but_no_weak_one(command: Command) -> None:
    command.run("migrate")
    key = f"dd_{secrets.token_urlsafe(32)}"
    asked = ("--password-stdin", "--api-key-stdin")

    made = command.run("create-staff", "--email", "one@daydream.local", *asked, given=f"{PASSWORD}\n{key}\n")
    weak = command.run("create-staff", "--email", "two@daydream.local", *asked, given=f"{PASSWORD}\ndd_1234\n")

    assert json.loads(made.stdout)["api_key"] == key
    assert (weak.returncode, weak.stdout) == (1, "")
    assert "43" in weak.stderr


def test_an_unmigrated_database_is_one_sentence(command: Command) -> None:
    done = command.run("serve")

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"the database of auth is at schema none, this version needs {HEAD}: run `python -m services.auth migrate`"
    )
    assert "Traceback" not in done.stderr


def test_what_it_cannot_start_with_is_one_sentence_each(command: Command) -> None:
    command.run("migrate")
    (command.folder / "bad.pem").write_text("not a key")

    taken_port = free_port()
    with socket.create_server(("127.0.0.1", taken_port)):
        taken = command.run(AUTH_BIND=f"127.0.0.1:{taken_port}")
    key = command.run(AUTH_SIGNING_KEY_FILE=str(command.folder / "bad.pem"))
    database = command.run(AUTH_DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    folder = command.run(DAYDREAM_DATA_DIR=str(command.folder / "bad.pem"))
    wrong = command.run(
        AUTH_BIND="here", AUTH_SERVICE_SECRETS="web=short", AUTH_DATABASE_URL="mysql://x", AUTH_SIGNUP_TOKENS="-1"
    )

    for done, words in (
        (taken, f"cannot listen on 127.0.0.1:{taken_port}: another program has taken the port"),
        (key, f"the signing key file {command.folder}/bad.pem holds no unencrypted PEM private key"),
        (database, "the database cannot be reached: "),
        (folder, f"{command.folder}/bad.pem cannot be used: "),
    ):
        assert done.returncode == 1, done.stderr
        assert done.stderr.splitlines()[-1].startswith(words)
        assert "Traceback" not in done.stderr
    assert wrong.returncode == 2
    assert {line.partition(":")[0] for line in wrong.stderr.splitlines()} == {
        "AUTH_BIND", "AUTH_SERVICE_SECRETS", "AUTH_DATABASE_URL", "AUTH_SIGNUP_TOKENS",
    }  # fmt: skip
