"""The worker, wired: settings → model → engine → servicer → server. Nothing is loaded or connected before `start`."""

from dataclasses import dataclass

import grpc
from daydream.gpu.v1 import inference_pb2_grpc

from services.foundation import identity
from services.foundation.rpc import client, server
from services.gpu import access
from services.gpu.checkpoints import sources
from services.gpu.engine.engine import Bounds, Engine
from services.gpu.engine.policy import POLICIES
from services.gpu.models.collection import Library
from services.gpu.servicer import InferenceServicer
from services.gpu.settings import GpuSettings


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What `__main__` starts and stops."""

    server: server.Server
    """Listens and guards."""
    engine: Engine
    """Draws."""
    auth: grpc.aio.Channel
    """Whence the keys come."""


def wire(settings: GpuSettings) -> Worker:
    """Put the worker together; call it on the asyncio loop."""
    auth = client.channel(settings.auth_target)
    verifier = identity.Verifier(audience="gpu", fetch_keys=client.key_fetcher(auth))
    bounds = Bounds(
        slots=settings.slots,
        waiting=settings.waiting,
        policy=POLICIES[settings.policy],
        fixed_rows=settings.reproducible_rows,
    )
    engine = Engine(load=lambda: load_models(settings), bounds=bounds)
    listening = server.Server(verifier=verifier, access=access.ACCESS)
    inference_pb2_grpc.add_InferenceServiceServicer_to_server(InferenceServicer(engine), listening.grpc)
    return Worker(server=listening, engine=engine, auth=auth)


def load_models(settings: GpuSettings) -> Library:
    """The models that the settings name, none of them in memory yet. Raises ModelUnusable."""
    found = [sources.find(name) for name in settings.models]
    # Here and not above: torch takes seconds to import, and a taken port or a missing model is told before that.
    from services.gpu.models import loading  # noqa: PLC0415

    return loading.collect(found, settings)
