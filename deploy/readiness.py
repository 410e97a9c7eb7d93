"""Whether what was started can be used yet: each service by its own word, and the ledger by having met a worker."""

import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy import processes
from services.foundation.rpc import probe


def checks(ports: processes.Ports, secrets: processes.Secrets) -> dict[str, Callable[[], bool]]:
    """What must be true before a task can be submitted, by the name it is missed under."""
    pages = {"web": ports.web, **({"plugins": ports.plugins} if ports.plugins else {})}
    return {
        "auth": partial(_serving, ports.auth),
        "gpu": partial(_serving, ports.gpu),
        "tasks": partial(_serving, ports.tasks),
        **{name: partial(_page_ready, port) for name, port in pages.items()},
        "the ledger's worker": partial(_sees_worker, ports, secrets),
    }


def answers(port: int) -> bool:
    """Whether a service speaks at all, ready or not."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
        except grpc.RpcError:
            return False
    return True


def _serving(port: int) -> bool:
    return probe.is_serving(f"127.0.0.1:{port}", seconds=1)


def _page_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _sees_worker(ports: processes.Ports, secrets: processes.Secrets) -> bool:
    """Whether the ledger has met the worker, without which it refuses every task."""
    with (
        grpc.insecure_channel(f"127.0.0.1:{ports.auth}") as auth,
        grpc.insecure_channel(f"127.0.0.1:{ports.tasks}") as tasks,
    ):
        asked = auth_pb2.IssueServiceTokenRequest(service="web", secret=secrets.web)
        try:
            issued = auth_pb2_grpc.AuthServiceStub(auth).IssueServiceToken(asked, timeout=2)
            bearer = (("authorization", f"Bearer {issued.identity_token.token}"),)
            stub = tasks_pb2_grpc.TaskServiceStub(tasks)
            stub.GetCapabilities(tasks_pb2.GetCapabilitiesRequest(), metadata=bearer, timeout=2)
        except grpc.RpcError:
            return False
    return True
