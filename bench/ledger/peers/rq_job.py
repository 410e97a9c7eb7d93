"""What RQ's workers run."""

import time

from bench.ledger.peers.telling import tell


def job(word: str) -> None:
    """Begin, and say so."""
    tell(word, time.perf_counter())
