"""Whom the host works for: the person behind a request, or behind the Celery task that runs.

The host believes what stands in front of it: the gate puts an `Asker` into the environment of each request. Messages to
workers carry the person on. A host that runs alone knows nobody.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from celery import current_task
from flask import current_app, has_app_context, has_request_context, request

ENVIRON: Final = "qhana_plugin_runner.asker"
"""The key of the WSGI environment; its value is an Asker, or None where a request is let in from anybody."""
OWNER: Final = "daydream_owner"
"""The header of a Celery message that says for whom it works."""


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks."""

    owner: str
    """Their id, which tasks keep as their owner."""
    staff: bool = False
    """Whether they look after this server, and so may read tracebacks."""


_given: Final[contextvars.ContextVar[tuple[str | None] | None]] = contextvars.ContextVar("for whom", default=None)


def asker() -> Asker | None:
    """Who asks; None where that is nobody in particular."""
    if (given := _given.get()) is not None:
        return Asker(owner=given[0]) if given[0] else None
    if has_request_context() and ENVIRON in request.environ:
        found: Asker | None = request.environ[ENVIRON]
        return found
    # A worker's child has one task at a time on its stack, until all that follows from it was sent.
    owner = getattr(current_task.request, OWNER, None) if current_task else None
    return Asker(owner=str(owner)) if owner else None


def current_user_id() -> str | None:
    """The id of the person that the running request or Celery task is for; None on a host without sign-in."""
    found = asker()
    return None if found is None else found.owner


@contextlib.contextmanager
def on_behalf_of(owner: str | None) -> Iterator[None]:
    """Work for this person while the block lasts, whoever asks."""
    token = _given.set((owner,))
    try:
        yield
    finally:
        _given.reset(token)


def is_required() -> bool:
    """Whether everybody has to be known to this host."""
    return has_app_context() and bool(current_app.config.get("REQUIRE_LOGIN"))
