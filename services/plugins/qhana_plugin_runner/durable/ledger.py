"""The statements on the table of kept messages, each a transaction of its own beside the session of the plugin."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any, Final, cast

import sqlalchemy as sa
from qhana_plugin_runner import identity
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.messages import KeptMessage, State

KEPT: Final = cast(sa.Table, KeptMessage.__table__)
FIRST_SENDING_SECONDS: Final = 30.0
"""A message that nobody has begun with after so long is sent again; the copies do no harm."""
MOST_SENDING_SECONDS: Final = 600.0
ENDED_SECONDS: Final = 24 * 3600.0
"""For so long a message that ran is remembered, so that a late copy of it does not run."""
Row = sa.Row[Any]


def later(seconds: float) -> dt.datetime:
    """The time in so many seconds."""
    return utc_now() + dt.timedelta(seconds=seconds)


def pause(sendings: int) -> float:
    """Seconds from one sending of a waiting message to the next."""
    return min(MOST_SENDING_SECONDS, FIRST_SENDING_SECONDS * 2.0 ** max(0, sendings - 1))


def get(message_id: str) -> Row | None:
    """A message; None when it is not kept."""
    with DB.engine.begin() as connection:
        return connection.execute(sa.select(KEPT).where(KEPT.c.id == message_id)).one_or_none()


def keep(connection: sa.Connection, values: dict[str, Any], *, anew: bool) -> int:
    """Keep a message that is about to be sent, in the caller's transaction; the generation to send it with.

    `anew` when its own run sends it: a retry, or what replaces it. Otherwise one that is known already is a copy,
    sent by a run that was repeated, and gets the generation that it has.
    """
    known = connection.execute(
        sa.select(KEPT.c.generation, KEPT.c.state).where(KEPT.c.id == values["id"]).with_for_update()
    ).one_or_none()
    if known is None:
        connection.execute(sa.insert(KEPT).values(**values))
        return 1
    if not anew or known.state == State.CANCELLED:
        return int(known.generation)
    fresh = {**values, "generation": known.generation + 1, "state": State.WAITING, "sendings": 1, "worker": None}
    connection.execute(sa.update(KEPT).where(KEPT.c.id == values["id"]).values(**fresh))
    return int(known.generation) + 1


def begin(message_id: str, generation: int, *, worker: str, lease: float) -> bool:
    """Begin to run it. False when another copy of it did, or it is not to run."""
    return _change(
        sa.and_(KEPT.c.id == message_id, KEPT.c.generation == generation, KEPT.c.state == State.WAITING),
        state=State.RUNNING,
        worker=worker,
        due=later(lease),
    )


def end(message_id: str, generation: int) -> bool:
    """It ran, or will not; its arguments are forgotten. False when it has a newer generation, or was cancelled."""
    return _change(_run(message_id, generation), state=State.ENDED, due=later(ENDED_SECONDS), body="")


def forget(message_id: str, generation: int) -> None:
    """It made way for another one, which may come under the same id."""
    with DB.engine.begin() as connection:
        connection.execute(sa.delete(KEPT).where(_run(message_id, generation)))


def renew(worker: str, messages: Collection[str], *, lease: float) -> None:
    """The worker is still at these."""
    if messages:
        _change(
            sa.and_(KEPT.c.id.in_(list(messages)), KEPT.c.worker == worker, KEPT.c.state == State.RUNNING),
            due=later(lease),
        )


def lose(message_id: str, generation: int, *, attempts: int) -> Row | None:
    """Its run was lost: it waits to be sent again or, after so many attempts, is the caller's to fail and to `end`.

    The row as it is then; None when somebody else has seen to it.
    """
    again = KEPT.c.losses + 1 < attempts
    with DB.engine.begin() as connection:
        return connection.execute(
            sa.update(KEPT)
            .where(_run(message_id, generation), KEPT.c.state == State.RUNNING)
            .values(
                state=sa.case((again, State.WAITING), else_=State.RUNNING),
                generation=KEPT.c.generation + 1,
                losses=KEPT.c.losses + 1,
                due=later(pause(1)),
                sendings=1,
                worker=None,
                changed=utc_now(),
            )
            .returning(KEPT)
        ).one_or_none()


def overdue(most: int) -> Sequence[Row]:
    """Runs whose lease is out, and messages that waited too long."""
    with DB.engine.begin() as connection:
        return connection.execute(
            sa.select(KEPT)
            .where(KEPT.c.state.in_([State.RUNNING, State.WAITING]), KEPT.c.due < utc_now())
            .order_by(KEPT.c.due)
            .limit(most)
        ).all()


def postpone(message_id: str, generation: int, sendings: int) -> bool:
    """It is sent once more. False when it no longer waits, or somebody else has just sent it."""
    return _change(
        sa.and_(
            KEPT.c.id == message_id,
            KEPT.c.generation == generation,
            KEPT.c.sendings == sendings,
            KEPT.c.state == State.WAITING,
        ),
        sendings=sendings + 1,
        due=later(pause(sendings + 1)),
    )


def cancel(db_id: int) -> None:
    """Nothing that works for this processing task is to run; the arguments of it are forgotten."""
    _cancel(KEPT.c.db_id == db_id)


def cancel_all_of(owner: str) -> None:
    """Nothing that works for this person is to run, whatever processing task it belongs to, if to any."""
    _cancel(KEPT.c.headers[identity.OWNER].as_string() == owner)


def revoke(messages: Collection[str], *, running: bool) -> set[str]:
    """Which of these were to run and now will not; with `running` also those that run, which are to be stopped."""
    states = [State.WAITING, State.RUNNING] if running else [State.WAITING]
    with DB.engine.begin() as connection:
        changed = connection.execute(
            sa.update(KEPT)
            .where(KEPT.c.id.in_(list(messages)), KEPT.c.state.in_(states))
            .values(state=State.CANCELLED, due=later(ENDED_SECONDS), changed=utc_now())
            .returning(KEPT.c.id)
        )
        return set(changed.scalars())


def cancelled(messages: Collection[str]) -> set[str]:
    """Which of these were cancelled."""
    if not messages:
        return set()
    with DB.engine.begin() as connection:
        asked = sa.select(KEPT.c.id).where(KEPT.c.id.in_(list(messages)), KEPT.c.state == State.CANCELLED)
        return set(connection.scalars(asked))


def clean() -> int:
    """Forget what ended long ago; how many."""
    with DB.engine.begin() as connection:
        old = sa.and_(KEPT.c.state.in_([State.ENDED, State.CANCELLED]), KEPT.c.due < utc_now())
        return connection.execute(sa.delete(KEPT).where(old)).rowcount


def _cancel(which: sa.ColumnElement[bool]) -> None:
    _change(
        sa.and_(which, KEPT.c.state.in_([State.WAITING, State.RUNNING])),
        state=State.CANCELLED,
        due=later(ENDED_SECONDS),
        body="",
    )


def _run(message_id: str, generation: int) -> sa.ColumnElement[bool]:
    return sa.and_(
        KEPT.c.id == message_id, KEPT.c.generation == generation, KEPT.c.state.in_([State.WAITING, State.RUNNING])
    )


def _change(which: sa.ColumnElement[bool], **values: Any) -> bool:
    with DB.engine.begin() as connection:
        return connection.execute(sa.update(KEPT).where(which).values(changed=utc_now(), **values)).rowcount > 0
