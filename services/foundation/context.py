"""What a request carries with it from hop to hop: its id and what is left of its time."""

import contextvars
import secrets
import time

_request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
_deadline: contextvars.ContextVar[float | None] = contextvars.ContextVar("deadline", default=None)


def new_request_id() -> str:
    """Draw an id for a request that came without one."""
    return secrets.token_hex(8)


def set_request_id(request_id: str) -> None:
    """Bind the id to everything the current task does from here on."""
    _request_id.set(request_id)


def request_id() -> str | None:
    """The current request's id; None outside a request."""
    return _request_id.get()


def set_time_left(seconds: float | None) -> None:
    """Note how long the caller waits; None when it did not say."""
    _deadline.set(None if seconds is None else time.monotonic() + seconds)


def time_left() -> float | None:
    """Seconds the caller still waits, at least a millisecond; None when it did not say."""
    deadline = _deadline.get()
    return None if deadline is None else max(0.001, deadline - time.monotonic())
