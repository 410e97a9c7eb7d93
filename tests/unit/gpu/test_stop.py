"""The worker's end fits into what its supervisor grants."""

from services.gpu.__main__ import LAST_WORDS_SECONDS
from services.gpu.engine.engine import STOP_SECONDS
from services.gpu.settings import GpuSettings

# What Kubernetes kills after, unless told otherwise.
_KILLED_AFTER_SECONDS = 30


def test_a_worker_ends_by_itself_before_it_is_killed() -> None:
    draining = GpuSettings.model_fields["drain_seconds"].default

    longest = draining + STOP_SECONDS + LAST_WORDS_SECONDS

    assert longest <= _KILLED_AFTER_SECONDS - 2
