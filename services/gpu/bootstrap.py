"""The worker, wired: settings → model → engine → servicer → server. Nothing is loaded or connected before `start`."""

import os
from dataclasses import dataclass
from typing import Any

import grpc
from daydream.gpu.v1 import inference_pb2_grpc

from services.foundation import errors as foundation_errors
from services.foundation import identity
from services.foundation.rpc import client, server
from services.gpu import access, errors, limits, sources, warmup
from services.gpu.engine import Engine
from services.gpu.model import Model
from services.gpu.requests import Request
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
    engine = Engine(load=lambda: load_model(settings), slots=settings.slots, waiting=settings.waiting)
    listening = server.Server(verifier=verifier, access=access.ACCESS)
    inference_pb2_grpc.add_InferenceServiceServicer_to_server(InferenceServicer(engine), listening.grpc)
    return Worker(server=listening, engine=engine, auth=auth)


def load_model(settings: GpuSettings) -> Model[Any, Any]:
    """Load the model and measure it. Raises ModelUnusable, whatever goes wrong."""
    try:
        return _load_model(settings)
    except errors.ModelUnusable:
        raise
    except foundation_errors.DaydreamError as error:
        raise errors.ModelUnusable(f"The model {settings.model} cannot be used here: {error.message}") from error
    except Exception as error:  # of many libraries, any of which may not like a folder or a device
        said = f"{type(error).__name__}: {errors.first_line(error)}"
        raise errors.ModelUnusable(f"The model {settings.model} cannot be used here: {said}") from error


def _load_model(settings: GpuSettings) -> Model[Any, Any]:
    source = sources.find(settings.model)
    # Here and not above: torch takes seconds to import, and a taken port or a missing model is told before that.
    from services.gpu import pipeline  # noqa: PLC0415

    model = pipeline.load(source, device=settings.device, dtype=settings.dtype, threads=settings.threads or _cores())
    if settings.threads is None and model.device == "cpu":
        warmup.quickest_threads(model, most=_cores(), use=pipeline.use_threads)
    try:
        limits.settle(Request(prompt="a house"), model.card)
    except foundation_errors.InvalidInput as error:
        raise errors.ModelUnusable(f"The model's own defaults break its limits: {error.message}") from error
    model.card = warmup.measured(model)
    return model


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
