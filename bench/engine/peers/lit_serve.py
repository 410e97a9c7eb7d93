"""LitServe with its batching on: `python -m bench.engine.peers.lit_serve PORT`."""

# Checked where the peer's packages are not: its decorators and classes have no types there.
# mypy: disable-error-code="import-not-found, misc"

import sys
from collections.abc import Sequence
from typing import Any

import litserve
from fastapi import Response

from bench.engine.loads import BATCH, BATCH_WAIT_SECONDS, Job
from bench.engine.peers.painter import Painter


class Studio(litserve.LitAPI):
    """The five methods of its documentation."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self.painter = Painter()

    def decode_request(self, request: dict[str, Any]) -> Job:
        """JSON to a job."""
        return Job(**request)

    def batch(self, inputs: Sequence[Job]) -> Sequence[Job]:
        """Jobs need no stacking."""
        return inputs

    def predict(self, jobs: Sequence[Job]) -> list[bytes]:
        """Draw a batch."""
        return self.painter.draw(jobs)

    def unbatch(self, output: list[bytes]) -> list[bytes]:
        """One picture a job already."""
        return output

    def encode_response(self, output: bytes) -> Response:
        """The file."""
        return Response(output, media_type="image/png")


if __name__ == "__main__":
    # No limit on a request's time: an overloaded queue is what the open loop is there to see.
    server = litserve.LitServer(
        Studio(max_batch_size=BATCH, batch_timeout=BATCH_WAIT_SECONDS), accelerator="cpu", timeout=False
    )
    server.run(host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False)
