"""One client of one queue: `python -m bench.ledger.peers.client QUEUE SOCKET`, told what to do line by line.

Each line is JSON: {"do": "starts", "count": 20, "rest": 0.05} submits one job, waits until it has begun, rests and
goes on, and answers with the seconds that each took; {"do": "submits", "seconds": 1.5} submits without waiting and
answers with how many submits were answered in how many seconds. `token` is for those that ask who one is.
"""

# Checked where the peers' packages are not: their functions have no types there.
# mypy: disable-error-code="import-not-found, import-untyped"

import json
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable
from typing import Any

ANSWER_SECONDS = 60

Submit = Callable[[str, str], object]
"""Submits a job with this word; the second argument is the token. Returns once the queue has said that it has it."""


def daydream() -> Submit:
    """Our ledger, over gRPC."""
    import grpc  # noqa: PLC0415
    from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc  # noqa: PLC0415

    stub = tasks_pb2_grpc.TaskServiceStub(grpc.insecure_channel(os.environ["BENCH_TASKS"]))

    def submit(word: str, token: str) -> object:
        request = tasks_pb2.SubmitTaskRequest(
            request_id=uuid.uuid4().hex,
            parameters=tasks_pb2.Parameters(prompt=word, steps=1, width=64, height=64, seed=1),
        )
        return stub.SubmitTask(request, metadata=(("authorization", f"Bearer {token}"),), timeout=ANSWER_SECONDS)

    return submit


def celery() -> Submit:
    """Celery's own client."""
    from bench.ledger.peers import celery_app  # noqa: PLC0415

    return lambda word, _token: celery_app.job.delay(word)


def rq() -> Submit:
    """RQ's own client."""
    import redis  # noqa: PLC0415
    from rq import Queue  # noqa: PLC0415

    queue = Queue("bench", connection=redis.Redis(unix_socket_path=os.environ["BENCH_REDIS"]))
    return lambda word, _token: queue.enqueue("bench.ledger.peers.rq_job.job", word, result_ttl=0)


QUEUES: dict[str, Callable[[], Submit]] = {"daydream": daydream, "celery": celery, "rq": rq}


class Client:
    """Submits to one queue and hears from its jobs."""

    def __init__(self, submit: Submit, path: str) -> None:
        """Listen at `path`."""
        self._submit, self._path = submit, path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self._socket.settimeout(ANSWER_SECONDS)
        self._number = 0

    def starts(self, *, count: int, rest: float, token: str) -> dict[str, Any]:
        """One job at a time, each waited for until it has begun."""
        starts, submits = [], []
        for _ in range(count):
            self._number += 1
            begun = time.perf_counter()
            self._submit(f"{self._path}#{self._number}", token)
            submits.append(time.perf_counter() - begun)
            starts.append(self._heard_of(self._number) - begun)
            # The pace of the questions: what a job leaves to be done is not to count for the next one.
            time.sleep(rest)
        return {"starts": starts, "submits": submits}

    def submits(self, *, seconds: float, token: str) -> dict[str, Any]:
        """One submit after the other."""
        begun = time.perf_counter()
        count = 0
        while time.perf_counter() < begun + seconds:
            self._submit("quiet", token)
            count += 1
        return {"count": count, "seconds": time.perf_counter() - begun}

    def _heard_of(self, number: int) -> float:
        while True:
            said, moment = self._socket.recv(100).decode().split()
            if int(said) == number:
                return float(moment)


def main() -> None:
    """Do what is said until there is no more."""
    client = Client(QUEUES[sys.argv[1]](), sys.argv[2])
    for line in sys.stdin:
        asked = json.loads(line)
        answer = getattr(client, asked.pop("do"))(**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
