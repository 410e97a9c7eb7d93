"""A clock for tests: it stands still until it is moved."""

import datetime as dt


class Clock:
    """Called, it gives the time, as `utc_now` does."""

    def __init__(self, now: dt.datetime) -> None:
        """`now` carries its zone."""
        self.now = now

    def __call__(self) -> dt.datetime:
        """The time."""
        return self.now

    def move(self, **by: float) -> None:
        """Let time pass: `move(hours=1)`."""
        self.now += dt.timedelta(**by)
