"""What is measured, a module each: `measure(folder, times=…)` gives the figures, `times` as much as a usual run."""


class Unavailable(Exception):
    """A part that cannot be measured here; the message says why."""
