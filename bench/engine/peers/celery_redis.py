"""Celery with Redis as broker and result backend, behind Flask: `python -m bench.engine.peers.celery_redis PORT`.

Beside it runs `celery -A bench.engine.peers.celery_redis worker`; both find Redis at the socket `BENCH_REDIS`.

Settings are those that Celery's guide to optimising names for long tasks: late acknowledgement, one task prefetched at
a time, and the solo pool, for more processes than cores to draw with would only hold the model twice. The site waits
for the result, which Redis tells at once; a browser that polled for it would hear of it later.
"""

# Checked where the peer's packages are not: its decorators and classes have no types there.
# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"

import base64
import os
import sys
from typing import Any

import waitress
from celery import Celery, signals
from flask import Flask, Response, request

from bench.engine.loads import Job
from bench.engine.peers.painter import Painter

WAITING = 256
SECONDS = 300
_REDIS = f"redis+socket://{os.environ['BENCH_REDIS']}"

app = Celery("studio", broker=_REDIS, backend=_REDIS)
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_pool="solo",
    broker_connection_retry_on_startup=True,
)
_painters: list[Painter] = []


@signals.worker_init.connect
def load(**_: Any) -> None:
    """Hold the model before the first task comes."""
    _painters.append(Painter())


# Named, for in the site's process this module goes by another name.
@app.task(name="draw")
def draw(job: dict[str, Any]) -> str:
    """One image, in base64, for results travel as JSON."""
    (picture,) = _painters[0].draw([Job(**job)])
    return base64.b64encode(picture).decode()


def site() -> Flask:
    """The site: one route."""
    flask = Flask(__name__)

    @flask.post("/")
    def ask() -> Response:
        answer = draw.delay(request.get_json()).get(timeout=SECONDS)
        return Response(base64.b64decode(answer), mimetype="image/png")

    return flask


if __name__ == "__main__":
    waitress.serve(site(), host="127.0.0.1", port=int(sys.argv[1]), threads=WAITING)
