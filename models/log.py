"""The training log: one JSON line every so many steps."""

import json
from pathlib import Path

from models.parallel import Team
from models.schedule import Pace

EVERY = 20


class Log:
    """Collects the loss of each step and writes its mean, in the leading process only."""

    def __init__(self, path: Path, team: Team) -> None:
        self._path = path
        self._leads = team.leads
        self._losses: list[float] = []

    def add(self, pace: Pace, loss: float, rate: float) -> None:
        """Take note of one step."""
        self._losses.append(loss)
        if len(self._losses) < EVERY:
            return
        mean = sum(self._losses) / len(self._losses)
        self._losses.clear()
        if self._leads:
            line = {
                "step": pace.step,
                "seconds": round(pace.seconds),
                "progress": round(pace.progress, 4),
                "rate": round(rate, 7),
                "loss": round(mean, 5),
            }
            with self._path.open("a") as file:
                file.write(json.dumps(line) + "\n")
