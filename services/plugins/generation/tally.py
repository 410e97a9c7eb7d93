"""Steps done over all parts of a drawing, which only grow although a part may begin anew on another worker."""


class Tally:
    """Counts in denoising steps."""

    def __init__(self, parts: int) -> None:
        """So many parts; nothing is known of their steps yet."""
        self._parts = parts
        self._done: dict[int, int] = {}
        self._steps: dict[int, int] = {}

    def saw(self, number: int, step: int, steps: int, *, ended: bool) -> None:
        """A part has done `step` of `steps`; 0 steps where it does not say."""
        if steps > 0:
            self._steps[number] = steps
        known = self._steps.get(number, 0)
        self._done[number] = known if ended else max(self._done.get(number, 0), min(step, known))

    def now(self) -> tuple[int, int]:
        """Done, of how many. A part that says nothing yet is taken for the longest that does; (0, 0) before any."""
        silent = self._parts - len(self._steps)
        return sum(self._done.values()), sum(self._steps.values()) + silent * max(self._steps.values(), default=0)
