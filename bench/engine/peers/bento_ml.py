"""BentoML with adaptive batching: `bentoml serve bench.engine.peers.bento_ml:Studio --port PORT`.

One service, asked for lists of one, which its dispatcher joins: its documentation's wrapper service for single requests
would add a hop.
"""

# Checked where the peer's packages are not: its decorators and classes have no types there.
# mypy: disable-error-code="import-not-found, untyped-decorator"

import base64
from typing import Any

import bentoml

from bench.engine.loads import BATCH, Job
from bench.engine.peers.painter import Painter

MINUTES = 5


@bentoml.service(traffic={"timeout": MINUTES * 60})
class Studio:
    """The model behind a batchable endpoint."""

    def __init__(self) -> None:
        """Load it."""
        self.painter = Painter()

    # The latency is a bound above which requests are refused; the window itself is what the dispatcher learns.
    @bentoml.api(batchable=True, max_batch_size=BATCH, max_latency_ms=MINUTES * 60_000)
    def draw(self, jobs: list[dict[str, Any]]) -> list[str]:
        """An image a job, in base64."""
        pictures = self.painter.draw([Job(**job) for job in jobs])
        return [base64.b64encode(picture).decode() for picture in pictures]
