"""The host, its worker, auth and NATS, each as it runs: people are known to each of them, and leave no trace."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import nats
import pytest
from daydream.auth.v1 import accounts_pb2, accounts_pb2_grpc, auth_pb2, auth_pb2_grpc, grants_pb2, grants_pb2_grpc

from services.foundation import events
from tests.support import guarded_host, ports
from tests.support.auth_process import PASSWORD, WEB_SECRET, Command
from tests.support.plugin_host import START_SECONDS, until
from tests.support.program import Program

pytestmark = pytest.mark.slow
PLUGIN = "/plugins/guarded@v1-0-0"
SECRET = "plugins-secret-of-this-test"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who signed in."""

    user_id: str
    session_secret: str
    metadata: tuple[tuple[str, str], ...]


class House:
    """All of it, as a person's browser meets it."""

    def __init__(self, url: str, channel: grpc.Channel) -> None:
        """The plugin host's address, and auth's."""
        self.url = url
        self.auth = auth_pb2_grpc.AuthServiceStub(channel)
        self.accounts = accounts_pb2_grpc.AccountServiceStub(channel)
        self.grants = grants_pb2_grpc.GrantServiceStub(channel)
        answer: Any = self.auth.IssueServiceToken(auth_pb2.IssueServiceTokenRequest(service="web", secret=WEB_SECRET))
        self.web = (("authorization", f"Bearer {answer.identity_token.token}"),)

    def sign_up(self, email: str) -> Person:
        """A new person."""
        answer: Any = self.auth.SignUp(auth_pb2.SignUpRequest(email=email, password=PASSWORD), metadata=self.web)
        return Person(
            user_id=answer.opened.user.user_id,
            session_secret=answer.opened.session_secret,
            metadata=(("authorization", f"Bearer {answer.opened.identity_token.token}"),),
        )

    @contextlib.contextmanager
    def browser(self, person: Person) -> Iterator[httpx.Client]:
        """Signed in at the plugin host, by a code as the studio brings it."""
        code: Any = self.grants.IssueSignInCode(grants_pb2.IssueSignInCodeRequest(), metadata=person.metadata)
        with httpx.Client(base_url=self.url, timeout=60) as browser:
            answer = browser.get("/sign-in", params={"code": code.code, "next": f"{PLUGIN}/"})
            assert answer.status_code == 303, answer.text
            yield browser


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, nats_url: str) -> Iterator[House]:
    folder, port = tmp_path_factory.mktemp("house"), ports.free_port()
    auth = Command(folder, NATS_URL=nats_url, AUTH_SERVICE_SECRETS=f"web={WEB_SECRET},plugins={SECRET}")
    assert auth.run("migrate").returncode == 0
    environment = {
        "DAYDREAM_DATA_DIR": str(folder),
        "PLUGINS_BIND": f"127.0.0.1:{port}",
        "PLUGINS_BUNDLED": "false",
        "PLUGINS_WORKER_PROCESSES": "1",
        "PLUGIN_FOLDERS": str(guarded_host.PLUGINS),
        "PLUGIN_PROBE_SECONDS": "0",
        "REQUIRE_LOGIN": "true",
        "AUTH_TARGET": f"127.0.0.1:{auth.port}",
        "NATS_URL": nats_url,
    }
    # The worker is given the secret by mistake here: it must not come as far as a plugin.
    secretly = {**environment, "PLUGINS_SERVICE_SECRET": SECRET}
    serving = Program("plugins", ("services.plugins",), secretly, folder)
    worker = Program("worker", ("services.plugins", "worker"), secretly, folder)
    _migrate(environment)
    with auth.serving(), grpc.insecure_channel(f"127.0.0.1:{auth.port}") as channel:
        serving.start()
        worker.start()
        try:
            until(lambda: "startup complete" in serving.log or not serving.runs or None, seconds=START_SECONDS)
            until(lambda: "ready." in worker.log or not worker.runs or None, seconds=START_SECONDS)
            assert serving.runs, serving.log
            assert worker.runs, worker.log
            until(lambda: asyncio.run(_is_connected(nats_url)))
            yield House(f"http://127.0.0.1:{port}", channel)
        finally:
            worker.kill()
            serving.kill()


async def _is_connected(nats_url: str) -> bool | None:
    """Whether the host pulls events: what sessions it is told of before, it does not hear."""
    connection = await events.connect(nats_url, "a test")
    try:
        consumer = await connection.jetstream().consumer_info(events.ACCOUNTS_STREAM, "plugins-user-deleted")
    except nats.js.errors.NotFoundError:
        return None
    finally:
        await connection.close()
    # It does so over a connection on which it has subscribed to the end of sessions already.
    return bool(consumer.num_waiting) or None


def _migrate(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.plugins", "migrate"],
        env={**environment}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_what_a_worker_does_is_done_in_its_persons_name(house: House) -> None:
    ada = house.sign_up("ada@example.org")

    with house.browser(ada) as browser:
        begun = browser.post(f"{PLUGIN}/calls/?url={house.url}{PLUGIN}/user/").json()
        task = until(lambda: _ended(browser.get(f"/tasks/{begun['public']}/").json()))
        listed = browser.get("/tasks/").json()["tasks"]

    # The worker's own view, then what the host answers it, by either way of asking.
    assert (task["status"], task["log"]) == ("SUCCESS", " ".join([ada.user_id] * 3))
    assert sorted(each["taskName"].partition(" ")[0] for each in listed) == ["guarded", "guarded.first"]


def test_no_process_that_runs_plugins_has_the_secret_in_its_environment(house: House) -> None:
    with house.browser(house.sign_up("bea@example.org")) as browser:
        serving = browser.get(f"{PLUGIN}/environment/").json()
        begun = browser.post(f"{PLUGIN}/environment/").json()
        task = until(lambda: _ended(browser.get(f"/tasks/{begun['public']}/").json()))

    assert "REQUIRE_LOGIN" in serving
    assert "REQUIRE_LOGIN" in task["log"].split()
    assert {"PLUGINS_SERVICE_SECRET", "NATS_URL"}.isdisjoint([*serving, *task["log"].split()])


def test_who_signs_out_of_the_studio_is_out_here_and_who_deletes_an_account_leaves_no_task(house: House) -> None:
    carl = house.sign_up("carl@example.org")

    with house.browser(carl) as browser:
        task = browser.post(f"{PLUGIN}/begin/").json()
        before = browser.get(f"/tasks/{task['public']}/").status_code
        house.auth.SignOut(auth_pb2.SignOutRequest(session_secret=carl.session_secret), metadata=house.web)
        until(lambda: browser.get("/tasks/").status_code == 401 or None, seconds=20)
    again: Any = house.auth.SignIn(
        auth_pb2.SignInRequest(email="carl@example.org", password=PASSWORD), metadata=house.web
    )
    metadata = (("authorization", f"Bearer {again.opened.identity_token.token}"),)
    gone = accounts_pb2.DeleteUserRequest(user_id=carl.user_id, password=PASSWORD)
    house.accounts.DeleteUser(gone, metadata=metadata)
    with house.browser(house.sign_up("dora@example.org")) as other:
        until(lambda: carl.user_id not in other.get(f"{PLUGIN}/owners/").json() or None)

    assert before == 200


def _ended(task: dict[str, Any]) -> dict[str, Any] | None:
    return task if task.get("status") != "PENDING" else None
