"""What is asked for and what is drawn, between values and the protos of tasks. Nothing here decides anything."""

from daydream.tasks.v1 import tasks_pb2

from services.foundation.float32 import shortest
from services.tasks.asking.ingredients import Adapter, Parameters, StartImage
from services.tasks.asking.parameters import Asked


def to_asked(parameters: tasks_pb2.Parameters) -> Asked:
    """What a request asks for."""

    def count(name: str) -> int | None:
        return int(getattr(parameters, name)) if parameters.HasField(name) else None  # type: ignore[arg-type]

    def number(name: str) -> float | None:
        return shortest(getattr(parameters, name)) if parameters.HasField(name) else None  # type: ignore[arg-type]

    start = parameters.start_image
    return Asked(
        prompt=parameters.prompt,
        negative_prompt=parameters.negative_prompt,
        model=parameters.model,
        sampler=parameters.sampler,
        steps=count("steps"),
        guidance=number("guidance"),
        width=count("width"),
        height=count("height"),
        seed=count("seed"),
        samples=count("samples"),
        start_image=StartImage(upload_id=start.upload_id, image_id=start.image_id)
        if parameters.HasField("start_image")
        else None,
        mask_upload_id=parameters.mask_upload_id,
        strength=number("strength"),
        variation_seed=count("variation_seed"),
        variation_strength=shortest(parameters.variation_strength),
        guidance_rescale=shortest(parameters.guidance_rescale),
        clip_skip=parameters.clip_skip,
        adapters=tuple(
            Adapter(name=each.name, weight=shortest(each.weight) if each.HasField("weight") else 1.0)
            for each in parameters.adapters
        ),
    )


def to_parameters(drawn: Parameters) -> tasks_pb2.Parameters:
    """What a task draws."""
    return tasks_pb2.Parameters(
        prompt=drawn.prompt,
        negative_prompt=drawn.negative_prompt,
        model=drawn.model,
        sampler=drawn.sampler,
        steps=drawn.steps,
        guidance=drawn.guidance,
        width=drawn.width,
        height=drawn.height,
        seed=-1 if drawn.seed is None else drawn.seed,
        samples=drawn.samples,
        start_image=None if drawn.start_image is None else _to_start(drawn.start_image),
        mask_upload_id=drawn.mask_upload_id,
        strength=drawn.strength,
        variation_seed=drawn.variation_seed,
        variation_strength=drawn.variation_strength,
        guidance_rescale=drawn.guidance_rescale,
        clip_skip=drawn.clip_skip,
        adapters=[tasks_pb2.Adapter(name=each.name, weight=each.weight) for each in drawn.adapters],
    )


def to_imported(brought: Parameters) -> tasks_pb2.Parameters:
    """What is known of a picture that was not drawn here: its title and its size."""
    return tasks_pb2.Parameters(
        prompt=brought.prompt, width=brought.width, height=brought.height, seed=-1, samples=brought.samples
    )


def _to_start(start: StartImage) -> tasks_pb2.StartImage:
    if start.upload_id:
        return tasks_pb2.StartImage(upload_id=start.upload_id)
    return tasks_pb2.StartImage(image_id=start.image_id)
