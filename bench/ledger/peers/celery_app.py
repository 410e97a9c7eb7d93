"""Celery on Redis: `celery -A bench.ledger.peers.celery_app worker`; Redis is at the socket `BENCH_REDIS`.

Acknowledged late, and given to somebody else when its worker is lost: what a queue that loses nothing needs. No
results are kept, which spares it a write that the ledger makes.
"""

# Checked where the peer's packages are not: its decorators and classes have no types there.
# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator"

import os
import time

from celery import Celery

from bench.ledger.peers.telling import tell

app = Celery("bench", broker=f"redis+socket://{os.environ['BENCH_REDIS']}")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    worker_concurrency=int(os.environ["BENCH_SLOTS"]),
    broker_connection_retry_on_startup=True,
)


@app.task(name="job")
def job(word: str) -> None:
    """Begin, and say so."""
    tell(word, time.perf_counter())
