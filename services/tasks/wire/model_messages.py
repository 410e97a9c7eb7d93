"""What workers say they can do, between values and the protos of gpu."""

import datetime as dt

from daydream.gpu.v1 import inference_pb2

from services.foundation.float32 import shortest
from services.tasks.workers import capabilities


def to_model(model: capabilities.Model) -> inference_pb2.Model:
    """A model, as a worker described it."""
    return inference_pb2.Model(
        name=model.name,
        title=model.title,
        description=model.description,
        defaults=inference_pb2.Defaults(
            steps=model.defaults.steps,
            guidance=model.defaults.guidance,
            width=model.defaults.width,
            height=model.defaults.height,
        ),
        limits=inference_pb2.Limits(
            min_size=model.limits.min_size,
            max_size=model.limits.max_size,
            size_multiple=model.limits.size_multiple,
            max_steps=model.limits.max_steps,
            max_guidance=model.limits.max_guidance,
            max_samples=model.limits.max_samples,
            max_prompt_chars=model.limits.max_prompt_chars,
            max_pixels=model.limits.max_pixels,
            max_clip_skip=model.limits.max_clip_skip,
        ),
        samplers=[
            inference_pb2.Sampler(name=each.name, scheduler_class=each.scheduler_class) for each in model.samplers
        ],
        step_times=[
            inference_pb2.StepTime(
                width=each.width,
                height=each.height,
                step_us=each.step_us,
                image_us=each.image_us,
                shared_step_us=each.shared_step_us,
                images_at_once=each.images_at_once,
            )
            for each in model.step_times
        ],
        example_prompts=model.example_prompts,
        known_words=model.known_words,
        adapters=model.adapters,
        inpainting_only=model.inpainting_only,
    )


def from_capabilities(said: inference_pb2.Capabilities) -> capabilities.Capabilities:
    """What a worker said. A model without limits or samplers cannot be asked for anything and is passed over."""
    return capabilities.Capabilities(
        worker_id=said.worker_id,
        device=said.device,
        slots=said.slots,
        busy_slots=said.busy_slots,
        models=tuple(_from_model(model) for model in said.models if model.samplers and model.limits.size_multiple >= 1),
        memory_used=said.memory_used,
        memory_total=said.memory_total,
        started=said.started_time.ToDatetime(dt.UTC) if said.started_time.seconds else None,
    )


def _from_model(model: inference_pb2.Model) -> capabilities.Model:
    defaults, limits = model.defaults, model.limits
    return capabilities.Model(
        name=model.name,
        title=model.title,
        description=model.description,
        defaults=capabilities.Defaults(
            steps=defaults.steps, guidance=shortest(defaults.guidance), width=defaults.width, height=defaults.height
        ),
        limits=capabilities.Limits(
            min_size=limits.min_size,
            max_size=limits.max_size,
            size_multiple=limits.size_multiple,
            max_steps=limits.max_steps,
            max_guidance=shortest(limits.max_guidance),
            max_samples=limits.max_samples,
            max_prompt_chars=limits.max_prompt_chars,
            max_pixels=limits.max_pixels,
            max_clip_skip=limits.max_clip_skip,
        ),
        samplers=tuple(
            capabilities.Sampler(name=each.name, scheduler_class=each.scheduler_class) for each in model.samplers
        ),
        step_times=tuple(
            capabilities.StepTime(
                width=each.width,
                height=each.height,
                step_us=each.step_us,
                image_us=each.image_us,
                shared_step_us=each.shared_step_us,
                # A worker of before this was told draws one after the other, as far as anybody knows.
                images_at_once=max(1, each.images_at_once),
            )
            for each in model.step_times
            if each.width and each.height
        ),
        example_prompts=tuple(model.example_prompts),
        known_words=tuple(model.known_words),
        adapters=tuple(model.adapters),
        inpainting_only=model.inpainting_only,
    )


def encode_capabilities(said: capabilities.Capabilities) -> bytes:
    """What a worker said, as it is stored."""
    told = inference_pb2.Capabilities(
        worker_id=said.worker_id,
        device=said.device,
        slots=said.slots,
        busy_slots=said.busy_slots,
        models=[to_model(model) for model in said.models],
        memory_used=said.memory_used,
        memory_total=said.memory_total,
    )
    if said.started is not None:
        told.started_time.FromDatetime(said.started)
    return told.SerializeToString()


def decode_capabilities(stored: bytes) -> capabilities.Capabilities:
    """What a worker said, as it was stored."""
    return from_capabilities(inference_pb2.Capabilities.FromString(stored))
