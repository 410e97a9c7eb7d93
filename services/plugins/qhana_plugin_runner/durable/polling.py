"""The queue in SQL, looked at often while there is something to do and seldom while there is not.

A chain's next message mostly comes a moment after the last one. Who looks at fixed times lets every link of it wait
for half the time between two looks.
"""

import random
import time
from queue import Empty
from typing import Any, Final

from celery.worker import state
from kombu import transport as transports
from kombu.transport.sqlalchemy import Transport

QUICKEST_SECONDS: Final = 0.01
SLOWEST_SECONDS: Final = 0.2
_SHARE: Final = 8.0
"""The pause is the time since the last message through this: so much is waited in vain at most."""


def pause(idle: float, chance: float) -> float:
    """Seconds until the next look, where the last message came `idle` seconds ago.

    `chance`, from 0 to 1, keeps workers of one queue from looking at the same moments.
    """
    return min(SLOWEST_SECONDS, max(QUICKEST_SECONDS, idle / _SHARE)) * (0.75 + 0.5 * chance)


class PollingTransport(Transport):
    """Kombu's transport over SQL, save for when it looks."""

    def __init__(self, client: Any, **kwargs: Any) -> None:
        """As kombu makes it."""
        super().__init__(client, **kwargs)
        self._busy_at = time.monotonic()

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Deliver one message. Raises TimeoutError when none has come within `timeout` seconds."""
        begun = time.monotonic()
        cycle: Any = self.cycle
        while True:
            try:
                cycle.get(self._deliver, timeout=timeout)
            except Empty:
                # A worker that was told to stop would otherwise look on until the caller's time is up.
                state.maybe_shutdown()
                now = time.monotonic()
                left = None if timeout is None else begun + timeout - now
                if left is not None and left <= 0:
                    raise TimeoutError from None
                # The chance is of no security.
                wanted = pause(now - self._busy_at, random.random())  # noqa: S311
                time.sleep(wanted if left is None else min(wanted, left))
            else:
                self._busy_at = time.monotonic()
                return


def register() -> None:
    """Have broker URLs that begin with `sqla+` lead here."""
    path = f"{__name__}:{PollingTransport.__name__}"
    transports.TRANSPORT_ALIASES.update({"sqla": path, "sqlalchemy": path})
