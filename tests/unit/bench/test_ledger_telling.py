"""How jobs of the ledger's benchmark say that they have begun, and what the made-up worker notes."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from daydream.gpu.v1 import inference_pb2

from bench.ledger import drawing
from bench.ledger.peers.client import Client
from bench.ledger.peers.telling import tell
from tests.support.fake_worker import Call


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "client.sock"))
        listening.settimeout(5)
        yield listening


def test_a_job_tells_its_number_and_its_moment_to_its_own_client(listener: socket.socket) -> None:
    tell(f"{listener.getsockname()}#12", 34.5)

    assert listener.recv(100) == b"12 34.5"


def test_a_word_without_a_client_and_a_client_that_is_gone_are_no_error(tmp_path: Path) -> None:
    tell("quiet", 1.0)
    tell(f"{tmp_path / 'nobody.sock'}#1", 1.0)


def test_a_client_waits_for_its_own_job_and_takes_the_moment_that_the_worker_says(tmp_path: Path) -> None:
    words: list[str] = []

    def submit(word: str, _token: str) -> None:
        words.append(word)
        path, _, number = word.partition("#")
        # A word of an older job that comes late is passed over.
        tell(f"{path}#0", 0.0)
        tell(f"{path}#{number}", float("inf"))

    client = Client(submit, str(tmp_path / "client.sock"))

    found = client.starts(count=2, rest=0.0, token="")

    assert found["starts"] == [float("inf")] * 2
    assert [word.rpartition("#")[2] for word in words] == ["1", "2"]


async def test_the_worker_notes_when_a_call_began_and_when_it_told_each_step(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    asked = inference_pb2.GenerateRequest(prompt="drawing 3", steps=2, samples=1, width=64, height=64)

    async for _ in drawing.script(notes, pace=1000)(Call(request=asked, seed=1)):
        pass

    told = drawing.read(notes)["drawing 3"]
    assert list(told) == [0, 1, 2]
    assert told[0] < told[1] < told[2]
