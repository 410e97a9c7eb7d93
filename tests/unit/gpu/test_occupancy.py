"""What the worker says of its memory: figures where the system tells them, and nothing where it does not."""

from pathlib import Path

from services.gpu.card import Memory
from services.gpu.models import occupancy


def test_a_process_tells_what_it_holds_of_what_it_may_have() -> None:
    told = occupancy.of_process(limit=None)
    limited = occupancy.of_process(limit=6_000_000_000)

    assert 10_000_000 < told.used < told.total
    assert limited.total == 6_000_000_000


def test_a_container_s_bound_counts_where_it_is_the_lower(tmp_path: Path) -> None:
    bound = tmp_path / "memory.max"
    bound.write_text("123456789\n")

    told = occupancy.of_process(limit=None, cgroup=bound)

    assert told.total == 123_456_789


def test_a_system_that_does_not_tell_is_no_error(tmp_path: Path) -> None:
    assert occupancy.of_process(limit=None, statm=tmp_path / "missing") == Memory()
