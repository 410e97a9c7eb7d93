"""How often a worker looks for messages in SQL: often after one has come, seldom in long silence."""

import time
from pathlib import Path

import pytest
import qhana_plugin_runner.celery  # noqa: F401 - says where such URLs lead
from hypothesis import given
from hypothesis import strategies as st
from kombu.connection import Connection
from qhana_plugin_runner.durable.polling import SLOWEST_SECONDS, PollingTransport, pause


def test_what_follows_a_message_is_looked_for_at_once_and_silence_costs_little() -> None:
    soon, later, in_silence = pause(0.0, 0.5), pause(0.8, 0.5), pause(60.0, 0.5)

    assert soon < later / 5 < in_silence / 5 == SLOWEST_SECONDS / 5


@given(st.floats(0, 1e9), st.floats(0, 1))
def test_no_pause_is_nothing_and_none_is_long(idle: float, chance: float) -> None:
    assert 0.005 < pause(idle, chance) <= 1.25 * SLOWEST_SECONDS


def test_two_workers_do_not_look_at_the_same_moments_for_long() -> None:
    assert pause(60.0, 0.0) < pause(60.0, 1.0)


@pytest.mark.parametrize("scheme", ["sqla", "sqlalchemy"])
def test_a_queue_in_sql_is_looked_at_so(tmp_path: Path, scheme: str) -> None:
    with Connection(f"{scheme}+sqlite:///{tmp_path}/queue.db") as connection:
        queue = connection.SimpleQueue("tests")
        queue.put({"a": 1})
        message = queue.get(timeout=60)
        message.ack()
        begun = time.monotonic()
        with pytest.raises(queue.Empty):
            queue.get(timeout=0.05)
        waited = time.monotonic() - begun
        queue.close()

    assert isinstance(connection.transport, PollingTransport)
    assert message.payload == {"a": 1}
    assert waited >= 0.05
