"""How far a stage has come, and the learning rate that follows from it.

A stage ends after its steps or its minutes, whichever is first. The minutes count only training and add up over
resumed runs, so the rate always comes down to nothing on time, however busy the machine is.
"""

import math
import time
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Pace:
    """The budget of one stage and what has been spent of it.

    steps: the number of steps that fill the budget.
    minutes: the time that fills the budget.
    step: the steps done.
    spent: the seconds trained before this run began.
    progress: the share of the budget spent, as the whole team agreed on it after the last step.
    """

    steps: int
    minutes: float
    step: int = 0
    spent: float = 0.0
    progress: float = 0.0
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """The seconds trained in this run and those before it."""
        return self.spent + time.monotonic() - self._began

    @property
    def own_progress(self) -> float:
        """The share of the budget that this process believes is spent."""
        return max(self.step / self.steps, self.seconds / (self.minutes * 60))

    def rate(self, peak: float, flat: float, begin: float = 0.0, end: float = 1.0, warm_up: int = 100) -> float:
        """The learning rate in the part of the budget from `begin` to `end`.

        After a linear warm-up over the stage's first steps it is flat for a share `flat` of the part, then falls as a
        cosine to zero at its end.
        """
        done = (self.progress - begin) / (end - begin)
        fall = (done - flat) / (1 - flat)
        cosine = 1.0 if fall <= 0 else 0.5 * (1 + math.cos(math.pi * min(fall, 1.0)))
        return peak * min(1.0, (self.step + 1) / warm_up) * cosine

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        return {"step": self.step, "spent": self.seconds}

    def resume(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint's state; under a larger budget less of it is spent."""
        self.step, self.spent = int(state["step"]), state["spent"]
        self._began = time.monotonic()
        self.progress = max(self.step / self.steps, self.spent / (self.minutes * 60))
