"""Events ↔ the messages that other services read."""

from daydream.auth.v1 import events_pb2
from google.protobuf import timestamp_pb2

from services.auth.values import Event, SessionEnded
from services.foundation import events


def encode(event: Event) -> tuple[str, bytes]:
    """The subject that an event is published under, and its body."""
    time = timestamp_pb2.Timestamp()
    time.FromDatetime(event.time)
    if isinstance(event, SessionEnded):
        ended = events_pb2.SessionEnded(
            event_id=event.event_id, user_id=event.user_id, session_id=event.session_id, time=time
        )
        return events.SESSION_ENDED, ended.SerializeToString()
    deleted = events_pb2.UserDeleted(event_id=event.event_id, user_id=event.user_id, time=time)
    return events.USER_DELETED, deleted.SerializeToString()
