"""Tasks belong to who asked for them: another's looks missing, whichever way a plugin or the host looks for it."""

import datetime as dt
import json
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa
from daydream.auth.v1 import events_pb2
from qhana_plugin_runner import identity, own_calls
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.messages import State
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.durable import ledger
from qhana_plugin_runner.util.plugins import FAILURES, PluginFailure

from services.foundation.consumer import Heard, NotYet
from services.plugins.identity.leaving import Leaving
from tests.support import guarded_host
from tests.support.fake_grants import Person
from tests.support.guarded_host import STUDIO, GuardedHost

ANNA, BERT = Person(user_id="anna"), Person(user_id="bert", session_id="session-2")
STAFF = Person(user_id="chief", session_id="session-3", staff=True)
PLUGIN = "/plugins/guarded@v1-0-0"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedHost]:
    with guarded_host.running(tmp_path_factory.mktemp("guarded")) as found:
        yield found


def _begun(client: httpx.Client) -> tuple[int, str]:
    told = client.post(f"{PLUGIN}/begin/").json()
    return told["number"], f"/tasks/{told['public']}/"


def _end(host: GuardedHost, number: int, *, trace: str | None = None) -> None:
    with host.flask.app_context():
        ended = {"task_status": "FAILURE" if trace else "SUCCESS", "finished_at": utc_now(), "trace": trace}
        DB.session.execute(sa.update(ProcessingTask).where(ProcessingTask.id == number).values(**ended))
        DB.session.commit()


def test_a_task_is_its_askers_and_missing_to_everybody_else(host: GuardedHost) -> None:
    webhook = {"command": "subscribe", "webhookHref": "http://127.0.0.1:1/"}

    with host.client(ANNA) as anna, host.program(BERT) as bert, host.program(STAFF) as staff:
        _, task = _begun(anna)
        others = [
            bert.get(task), bert.post(task, json=webhook), bert.post(task, json={"command": "cancel"}),
            bert.delete(task), bert.get(f"{task}events"), staff.get(task),
        ]  # fmt: skip
        missing = bert.get("/tasks/100000000000000000000000000000000000/")
        own = anna.get(task)

    assert [each.status_code for each in others] == [404] * 6
    assert [each.json() for each in (others[0], others[3])] == [missing.json()] * 2
    assert own.json()["status"] == "PENDING"


def test_no_view_of_a_plugin_is_called_with_the_number_of_anothers_task(host: GuardedHost) -> None:
    with host.client(ANNA) as anna, host.program(BERT) as bert:
        number, _ = _begun(anna)
        own, anothers = anna.post(f"{PLUGIN}/{number}/step/"), bert.post(f"{PLUGIN}/{number}/step/")

    assert (own.json(), anothers.status_code) == ({"handed on": number}, 404)


def test_a_plugin_that_looks_a_task_up_by_itself_finds_those_of_its_asker(host: GuardedHost) -> None:
    with host.client(ANNA) as anna, host.program(BERT) as bert:
        number, _ = _begun(anna)
        own, anothers = anna.get(f"{PLUGIN}/of/{number}/"), bert.get(f"{PLUGIN}/of/{number}/")

    assert (own.json(), anothers.json()) == ({"parameters": "a secret wish"}, {"parameters": None})


def test_a_list_has_the_newest_of_ones_own_tasks(host: GuardedHost) -> None:
    person = Person(user_id="dora", session_id="session-4")

    with host.client(ANNA) as anna, host.program(person) as dora:
        _begun(anna)
        tasks = [_begun(dora) for _ in range(3)]
        _end(host, tasks[2][0])
        listed = dora.get("/tasks/", params={"limit": 2})
        refused = dora.get("/tasks/", params={"limit": 0})

    told = listed.json()["tasks"]
    assert [each["href"] for each in told] == [f"{host.url}{tasks[2][1]}", f"{host.url}{tasks[1][1]}"]
    assert (told[0]["status"], told[0]["taskName"], told[1]["finishedAt"]) == ("SUCCESS", "guarded", None)
    assert told[0]["finishedAt"].endswith("+00:00")
    assert refused.status_code == 422


def test_a_file_opens_for_whoever_has_its_address(host: GuardedHost) -> None:
    with host.client(ANNA) as anna, host.client() as nobody:
        number, task = _begun(anna)
        _end(host, number)
        href = anna.get(task).json()["outputs"][0]["href"]
        opened, guessed = nobody.get(href), nobody.get(href.partition("=")[0] + "=guess")

    assert (opened.text, guessed.status_code) == ("42", 404)


def test_tracebacks_are_for_staff(host: GuardedHost) -> None:
    with host.client(STAFF) as staff, host.client(ANNA) as anna:
        tasks = {each: _begun(each) for each in (staff, anna)}
        for number, _ in tasks.values():
            _end(host, number, trace="Traceback: /secret/place.py")
        told = {each: each.get(address).json() for each, (_, address) in tasks.items()}

    assert told[staff]["trace"] == "Traceback: /secret/place.py"
    assert "trace" not in told[anna]


def test_why_a_plugin_failed_is_told_to_all_and_where_to_staff(host: GuardedHost) -> None:
    failure = PluginFailure(name="broken", location="/a/place.py", cause="ValueError: no", trace="Traceback")
    FAILURES.append(failure)

    with host.client(STAFF) as staff, host.client(ANNA) as anna:
        told = [each.get("/plugins/").json()["failed"] for each in (staff, anna)]

    FAILURES.remove(failure)
    assert {"name": "broken", "cause": "ValueError: no", "location": "/a/place.py", "trace": "Traceback"} in told[0]
    assert {"name": "broken", "cause": "ValueError: no"} in told[1]


def test_a_stream_is_read_from_other_origins_and_ends_with_the_session(host: GuardedHost) -> None:
    leaving = Person(user_id="erik", session_id="session-of-erik")

    with host.client(leaving) as erik:
        number, task = _begun(erik)
        token = leaving.token()
        asked = {"Authorization": f"Bearer {token}", "Origin": STUDIO}
        with httpx.stream("GET", f"{host.url}{task}events", headers=asked, timeout=60) as stream:
            lines = stream.iter_lines()
            first = next(line for line in lines if line.startswith("data:"))
            host.membership.resolver.ended("erik", "session-of-erik")
            _end(host, number)
            with host.flask.app_context():
                task_row = ProcessingTask.get_by_id(number)
                assert task_row is not None
                task_row.add_task_log_entry("more", commit=True)
            rest = list(lines)

    assert json.loads(first.removeprefix("data:"))["status"] == "PENDING"
    assert stream.headers["access-control-allow-origin"] == "*"
    assert not any(line.startswith("data:") for line in rest)


def test_what_a_person_left_is_deleted_with_its_files(host: GuardedHost) -> None:
    person = Person(user_id="frieda", session_id="session-5")

    with host.program(person) as frieda, host.client(ANNA) as anna:
        tasks = [_begun(frieda)[1] for _ in range(2)]
        _, annas = _begun(anna)
        deleted = Leaving(host.flask).delete("frieda")
        left = [frieda.get(each).status_code for each in tasks], anna.get(annas).status_code

    assert (deleted, left) == (2, ([404, 404], 200))


def test_what_still_runs_for_somebody_who_is_gone_is_stopped_and_reaches_nothing(host: GuardedHost) -> None:
    with host.flask.app_context():
        messages = {each: _kept_for(each) for each in ("gina", "anna")}
        tokens = {each: _own_call_of(host, each) for each in messages}
    before = _asked_as(host, tokens["gina"])

    Leaving(host.flask).delete("gina")
    Leaving(host.flask).delete("gina")

    with host.flask.app_context():
        states = {each: ledger.get(message).state for each, message in messages.items()}  # type: ignore[union-attr]
    assert states == {"gina": State.CANCELLED, "anna": State.WAITING}
    assert (before, _asked_as(host, tokens["gina"]), _asked_as(host, tokens["anna"])) == (200, 401, 200)


def _kept_for(owner: str) -> str:
    """A kept message that works for no processing task; its id."""
    name = f"message of {owner}"
    kept = {"id": name, "name": "x", "queue": "x", "body": "", "content_type": "", "content_encoding": ""}
    with DB.engine.begin() as connection:
        headers, due = {identity.OWNER: owner}, {"due": utc_now(), "changed": utc_now()}
        ledger.keep(connection, {**kept, **due, "headers": headers, "properties": {}}, anew=False)
    return name


def _own_call_of(host: GuardedHost, owner: str) -> tuple[str, str]:
    with identity.on_behalf_of(owner):
        shown = own_calls.credential(host.url)
    assert shown is not None
    return shown


def _asked_as(host: GuardedHost, shown: tuple[str, str]) -> int:
    with host.client() as program:
        return program.get(f"{PLUGIN}/", auth=shown).status_code


async def test_an_account_that_is_gone_is_looked_after_until_its_tokens_are_over(host: GuardedHost) -> None:
    deleted = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    event = events_pb2.UserDeleted(user_id="gone")
    event.time.FromDatetime(deleted)
    heard = Heard(event_id="1", payload=event.SerializeToString(), deliveries=1)
    early = Leaving(host.flask, now=lambda: deleted + dt.timedelta(seconds=1))
    late = Leaving(host.flask, now=lambda: deleted + dt.timedelta(minutes=6))

    with pytest.raises(NotYet) as again:
        await early.user_deleted(heard)
    await late.user_deleted(heard)

    assert again.value.seconds == 359
