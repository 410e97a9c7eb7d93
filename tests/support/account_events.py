"""What auth publishes of accounts and sessions, published as auth does."""

import shortuuid
from daydream.auth.v1 import events_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation import events


async def publish(url: str, event: events_pb2.SessionEnded | events_pb2.UserDeleted) -> str:
    """Have JetStream store the event; its id."""
    event.event_id = shortuuid.uuid()
    subject = events.SESSION_ENDED if isinstance(event, events_pb2.SessionEnded) else events.USER_DELETED
    client = await events.connect(url, "auth")
    publisher = events.Publisher()
    await publisher.use(client)
    await publisher.publish(subject, event.event_id, event.SerializeToString())
    await publisher.use(None)
    await events.close(client)
    return event.event_id


def session_ended(user_id: str, session_id: str) -> events_pb2.SessionEnded:
    """A session is over."""
    return events_pb2.SessionEnded(user_id=user_id, session_id=session_id, time=_now())


def user_deleted(user_id: str) -> events_pb2.UserDeleted:
    """An account is gone."""
    return events_pb2.UserDeleted(user_id=user_id, time=_now())


def _now() -> Timestamp:
    stamp = Timestamp()
    stamp.GetCurrentTime()
    return stamp
