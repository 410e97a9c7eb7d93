"""What becomes of a person's tasks when their account is gone: what runs is stopped, everything of theirs deleted.

There is no inbox here: to delete what is deleted does nothing, so an event that comes twice has its effect once.
"""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from daydream.auth.v1 import events_pb2
from flask import Flask
from google.protobuf.message import DecodeError
from qhana_plugin_runner import retention
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.owners import GoneOwner
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.durable import ledger

from services.foundation import events, logs
from services.foundation.consumer import Consumer, Heard, NotYet

log = logs.logger(__name__)
TOKENS_OUTLIVE: Final = dt.timedelta(minutes=6)
"""Identity tokens are believed for five minutes, so for so long may somebody still ask who has no account any more."""
_BATCH: Final = 50


class Leaving:
    """Deletes what people leave."""

    def __init__(self, flask: Flask, *, now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)) -> None:
        """`now` is the clock, aware."""
        self._flask, self._now = flask, now

    def consumer(self) -> Consumer:
        """Hears of accounts that are gone."""
        return Consumer(
            name="plugins-user-deleted",
            stream=events.ACCOUNTS_STREAM,
            subject=events.USER_DELETED,
            handle=self.user_deleted,
        )

    async def user_deleted(self, heard: Heard) -> None:
        """Delete at once, and again once no token of theirs is believed any more. Raises NotYet until then."""
        try:
            event = events_pb2.UserDeleted.FromString(heard.payload)
        except DecodeError:
            log.warning("an event that cannot be read", event_id=heard.event_id)
            return
        if not event.user_id:
            return
        deleted = await asyncio.to_thread(self.delete, event.user_id)
        log.info("tasks of a deleted account are gone", user_id=event.user_id, tasks=deleted)
        left = (event.time.ToDatetime(dt.UTC) + TOKENS_OUTLIVE - self._now()).total_seconds()
        if left > 0:
            raise NotYet(left)

    def delete(self, user_id: str) -> int:
        """Cancel what works for them, believe it no more, and delete every task of theirs, with its files; how many."""
        deleted = 0
        theirs = sa.select(ProcessingTask).where(ProcessingTask.owner == user_id).limit(_BATCH)
        with self._flask.app_context():
            # Before anything else: what runs until it is stopped can ask this host for nothing from here on.
            DB.session.merge(GoneOwner(id=user_id))
            DB.session.commit()
            ledger.cancel_all_of(user_id)
            while tasks := DB.session.scalars(theirs).all():
                for task in tasks:
                    # Nobody is told of it: there is nothing left to look at.
                    ledger.cancel(task.id)
                    retention.delete_task(task)
                    deleted += 1
        return deleted
