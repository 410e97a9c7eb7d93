"""Celery's messages are kept before they are sent, run once for each sending, and are told apart from their copies."""

from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.messages import State
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskUpdateSubscription
from qhana_plugin_runner.durable import ending, ledger
from qhana_plugin_runner.tasks import save_task_error, save_task_result, tell_change

pytestmark = pytest.mark.usefixtures("app")


@CELERY.task(name="tests.messages.nothing")
def nothing(db_id: int) -> str:
    """Does nothing."""
    return ""


def _task() -> ProcessingTask:
    task = ProcessingTask(task_name="test")
    task.save(commit=True)
    return task


def _in_the_queue() -> int:
    engine = sa.create_engine(CELERY.conf.broker_url.removeprefix("sqla+"))
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("kombu_message"):
            return 0
        return int(connection.scalar(sa.text("SELECT count(*) FROM kombu_message")) or 0)


def _sent(db_id: int) -> Any:
    result = nothing.s(db_id=db_id).apply_async()
    return ledger.get(result.id)


def test_what_is_sent_is_kept_with_the_task_it_works_for() -> None:
    kept = _sent(7)

    assert (kept.name, kept.queue, kept.db_id, kept.state) == (nothing.name, "qhana_plugin_runner", 7, State.WAITING)
    assert _in_the_queue() == 1


def test_within_a_transaction_that_has_written_it_is_sent_when_that_commits() -> None:
    task = ProcessingTask(task_name="test")
    task.save()
    DB.session.flush()

    nothing.s(db_id=task.id).apply_async()
    before = _in_the_queue()
    DB.session.commit()

    assert (before, _in_the_queue()) == (0, 1)


def test_within_a_transaction_that_is_rolled_back_nothing_is_kept() -> None:
    ProcessingTask(task_name="test").save()
    DB.session.flush()
    result = nothing.s(db_id=1).apply_async()

    DB.session.rollback()

    assert (_in_the_queue(), ledger.get(result.id)) == (0, None)


def test_one_copy_of_a_message_runs() -> None:
    kept = _sent(1)

    begun = [ledger.begin(kept.id, 1, worker=f"w{number}", lease=9) for number in range(2)]

    assert begun == [True, False]


def test_a_run_that_was_lost_is_sent_again_and_its_first_copy_may_no_longer_run_or_end_it() -> None:
    kept = _sent(1)
    ledger.begin(kept.id, 1, worker="w", lease=9)

    assert ending.lost(CELERY, kept.id, 1, attempts=3, why="gone")

    assert not ending.lost(CELERY, kept.id, 1, attempts=3, why="gone")
    assert not ledger.begin(kept.id, 1, worker="w", lease=9)
    assert not ledger.end(kept.id, 1)
    assert ledger.begin(kept.id, 2, worker="w", lease=9)
    assert _in_the_queue() == 2


def test_a_run_lost_as_often_as_may_be_fails_its_task_though_nothing_follows_on_its_failure() -> None:
    task = _task()
    kept = _sent(task.id)
    ledger.begin(kept.id, 1, worker="w", lease=9)

    ending.lost(CELERY, kept.id, 1, attempts=1, why="it went away")

    DB.session.expire_all()
    assert (task.status, task.task_log) == ("FAILURE", "it went away; it was tried 1 times")
    ended = ledger.get(kept.id)
    assert ended is not None
    assert ended.state == State.ENDED


def test_a_run_lost_too_often_calls_what_follows_on_failure() -> None:
    task = _task()
    work = nothing.s(db_id=task.id) | save_task_result.s(db_id=task.id)
    work.link_error(save_task_error.s(db_id=task.id))
    sent = work.apply_async()
    ledger.begin(sent.parent.id, 1, worker="w", lease=9)

    ending.lost(CELERY, sent.parent.id, 1, attempts=1, why="it went away")

    with DB.engine.connect() as connection:
        assert "qhana-plugin-runner.save-error" in connection.scalars(sa.select(ledger.KEPT.c.name)).all()
    assert CELERY.AsyncResult(sent.id).state == "FAILURE"


def test_what_a_repeated_run_sends_again_is_a_copy_and_does_not_run_twice() -> None:
    work = nothing.s(db_id=1) | save_task_result.s(db_id=1)
    sent = work.apply_async()
    following = save_task_result.s("", db_id=1).set(task_id=sent.id)

    for _ in range(2):
        following.apply_async()
    begun = ledger.begin(sent.id, 1, worker="w", lease=9)
    ledger.end(sent.id, 1)
    following.apply_async()

    assert begun
    assert not ledger.begin(sent.id, 1, worker="w", lease=9)
    assert not ledger.begin(sent.id, 2, worker="w", lease=9)


def test_a_lease_that_was_renewed_is_not_out() -> None:
    kept = _sent(1)
    ledger.begin(kept.id, 1, worker="w", lease=-1)
    before = [each.id for each in ledger.overdue(9)]

    ledger.renew("w", {kept.id}, lease=900)

    assert (before, ledger.overdue(9)) == ([kept.id], [])


def test_a_message_that_waits_too_long_is_sent_by_one_of_two_sweeps() -> None:
    kept = _sent(1)

    sent = [ledger.postpone(kept.id, 1, 1) for _ in range(2)]

    assert sent == [True, False]


def test_pauses_between_sendings_grow_to_a_bound() -> None:
    assert [ledger.pause(number) for number in (1, 2, 3, 50)] == [30, 60, 120, 600]


def test_cancelling_a_task_keeps_its_messages_from_running() -> None:
    kept, other = _sent(5), _sent(6)

    ledger.cancel(5)

    assert ledger.cancelled({kept.id, other.id}) == {kept.id}
    assert not ledger.begin(kept.id, 1, worker="w", lease=9)
    assert ledger.begin(other.id, 1, worker="w", lease=9)


def test_a_result_that_is_revoked_does_not_run_and_says_so() -> None:
    result, ran = nothing.s(db_id=1).apply_async(), nothing.s(db_id=2).apply_async()
    ledger.begin(ran.id, 1, worker="w", lease=9)

    CELERY.control.revoke([result.id, ran.id])

    assert not ledger.begin(result.id, 1, worker="w", lease=9)
    assert (result.state, ran.state) == ("REVOKED", "PENDING")


def test_what_runs_is_stopped_when_it_is_revoked_to_terminate() -> None:
    result = nothing.s(db_id=1).apply_async()
    ledger.begin(result.id, 1, worker="w", lease=9)

    result.revoke(terminate=True)

    assert ledger.cancelled([result.id]) == {result.id}


def test_what_ended_is_forgotten_after_its_time() -> None:
    kept = _sent(1)
    ledger.end(kept.id, 1)
    with DB.engine.begin() as connection:
        connection.execute(sa.update(ledger.KEPT).values(due=utc_now()))

    assert ledger.clean() == 1
    assert ledger.get(kept.id) is None


def test_a_change_is_told_to_each_subscriber_of_its_kind(app: Flask) -> None:
    del app
    task = _task()
    for event in (None, "steps"):
        TaskUpdateSubscription(task, webhook_href=f"http://{event}/", task_href="http://t/", event_type=event).save()
    DB.session.commit()

    tell_change(task.id, "status")

    with DB.engine.connect() as connection:
        (body,) = connection.scalars(sa.select(ledger.KEPT.c.body)).all()
    assert '"webhook_url": "http://None/", "task_url": "http://t/", "event_type": "status"' in body
