"""Tasks as JSON. The form in `task` is the public API's; the studio page gets the same and a little more.

Decides nothing: it only spells.
"""

import base64
from typing import Any, Final

from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import tasks_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation.float32 import shortest
from services.foundation.rpc import status
from services.web.backends import ledger

ENDED: Final = ledger.ENDED
API_IMAGES: Final = "/api/v1/images/"
API_UPLOADS: Final = "/api/v1/uploads/"
PAGE_IMAGES: Final = "/images/"


def time(stamp: Timestamp) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    moment = stamp.ToDatetime()
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def state(value: "tasks_pb2.TaskState.ValueType") -> str:
    """A state's name without its prefix."""
    return tasks_pb2.TaskState.Name(value).removeprefix("TASK_STATE_")


def parameters(value: tasks_pb2.Parameters) -> dict[str, Any]:
    """What to draw and how, in the form of a request: what does not belong to this one is not there."""
    shown: dict[str, Any] = {
        "prompt": value.prompt,
        "negative_prompt": value.negative_prompt,
        "model": value.model,
        "sampler": value.sampler,
        "steps": value.steps,
        "guidance": shortest(value.guidance),
        "width": value.width,
        "height": value.height,
        "seed": value.seed,
        "samples": value.samples,
        "variation_strength": shortest(value.variation_strength),
        "guidance_rescale": shortest(value.guidance_rescale),
        "clip_skip": value.clip_skip,
        "adapters": [{"name": each.name, "weight": shortest(each.weight)} for each in value.adapters],
    }
    if (source := value.start_image.WhichOneof("source")) is not None:
        shown["start_image"] = {source: getattr(value.start_image, source)}
    if value.mask_upload_id:
        shown["mask"] = {"upload_id": value.mask_upload_id}
    if value.HasField("strength"):
        shown["strength"] = shortest(value.strength)
    if value.HasField("variation_seed"):
        shown["variation_seed"] = value.variation_seed
    return shown


def upload(value: tasks_pb2.Upload, *, path: str = API_UPLOADS) -> dict[str, Any]:
    """A picture that was brought; `path` is what its id is put behind."""
    return {
        "id": value.upload_id,
        "width": value.width,
        "height": value.height,
        "bytes": value.bytes,
        "created_at": time(value.created_time),
        "expires_at": time(value.expire_time),
        "url": f"{path}{value.upload_id}",
    }


def progress(task: tasks_pb2.Task) -> dict[str, int]:
    """Steps over all images; a task that succeeded has done them all."""
    steps = task.progress.steps or _steps(task.parameters)
    if task.state == tasks_pb2.TASK_STATE_SUCCEEDED:
        return {"step": steps, "steps": steps, "percent": 100}
    return {"step": task.progress.step, "steps": steps, "percent": task.progress.percent}


def _steps(asked: tasks_pb2.Parameters) -> int:
    # Of a start image's steps the first are left out, as tasks counts them.
    strength = shortest(asked.strength) if asked.HasField("strength") else 1.0
    return max(1, int(asked.steps * strength)) * asked.samples


def image(value: tasks_pb2.Image, base: str) -> dict[str, Any]:
    """A finished image; the thumbnail is a WebP, its longer side 256 pixels at most."""
    url = f"{base}{value.image_id}"
    return {
        "id": value.image_id,
        "seed": value.seed,
        "width": value.width,
        "height": value.height,
        "url": url,
        "thumbnail_url": f"{url}?size=small",
    }


def task(value: tasks_pb2.Task, *, images: str = API_IMAGES) -> dict[str, Any]:
    """A task as the public API shows it; `images` is the path that image ids are put behind."""
    shown: dict[str, Any] = {
        "id": value.task_id,
        "state": state(value.state),
        "progress": progress(value),
        "price": value.price,
        "charged": value.charged,
        "created_at": time(value.created_time),
        "parameters": parameters(value.parameters),
        "images": [image(each, images) for each in value.images],
    }
    if value.state == tasks_pb2.TASK_STATE_QUEUED and value.progress.position:
        shown["position"] = value.progress.position
    _add_waiting(shown, value)
    if value.state not in ENDED and value.progress.HasField("remaining_ms"):
        shown["estimated_seconds"] = round(value.progress.remaining_ms / 1000, 1)
    if value.HasField("started_time"):
        shown["started_at"] = time(value.started_time)
    if value.HasField("finished_time"):
        shown["finished_at"] = time(value.finished_time)
        shown["duration_ms"] = value.duration_ms
    if value.imported_from:
        shown["imported_from"] = value.imported_from
    if value.HasField("error"):
        error = status.from_status(value.error)
        shown["error"] = {"reason": error.detail_reason, "message": error.message}
    return shown


def page_task(value: tasks_pb2.Task) -> dict[str, Any]:
    """A task as the studio page gets it: with its revision, whether its money is settled, and where pictures stand."""
    shown = task(value, images=PAGE_IMAGES)
    shown["revision"] = value.revision
    shown["settled"] = value.HasField("settled_time")
    shown["deleted"] = list(value.deleted_indexes)
    for each, made in zip(shown["images"], value.images, strict=True):
        each["index"] = made.index
        each["medium_url"] = f"{each['url']}?size=medium"
        each["published"], each["hidden"] = made.published, made.hidden
    return shown


def page_progress(value: tasks_pb2.Task) -> dict[str, Any]:
    """What moves between two stored states, with the preview as base64: the page's policy allows no data: URL."""
    shown: dict[str, Any] = {"id": value.task_id, "state": state(value.state), "progress": progress(value)}
    if value.progress.position:
        shown["position"] = value.progress.position
    if value.progress.HasField("remaining_ms"):
        shown["estimated_seconds"] = round(value.progress.remaining_ms / 1000, 1)
    _add_waiting(shown, value)
    if value.progress.preview:
        shown["preview"] = {
            "type": value.progress.preview_content_type,
            "data": base64.b64encode(value.progress.preview).decode("ascii"),
        }
    return shown


def _add_waiting(shown: dict[str, Any], value: tasks_pb2.Task) -> None:
    if value.state == tasks_pb2.TASK_STATE_QUEUED:
        shown["ahead"] = value.progress.ahead
        if value.progress.HasField("start_ms"):
            shown["starts_in_seconds"] = round(value.progress.start_ms / 1000, 1)


def model(value: inference_pb2.Model) -> dict[str, Any]:
    """A model with what the panel needs: limits, defaults, samplers and measured step times."""
    return {
        "name": value.name,
        "title": value.title or value.name,
        "description": value.description,
        "defaults": {
            "steps": value.defaults.steps,
            "guidance": shortest(value.defaults.guidance),
            "width": value.defaults.width,
            "height": value.defaults.height,
        },
        "limits": {
            "min_size": value.limits.min_size,
            "max_size": value.limits.max_size,
            "size_multiple": value.limits.size_multiple,
            "max_steps": value.limits.max_steps,
            "max_guidance": shortest(value.limits.max_guidance),
            "max_samples": value.limits.max_samples,
            "max_prompt_chars": value.limits.max_prompt_chars,
            "max_pixels": value.limits.max_pixels,
            "max_clip_skip": value.limits.max_clip_skip,
        },
        "samplers": [each.name for each in value.samplers],
        "step_times": [
            {
                "width": each.width,
                "height": each.height,
                "step_us": each.step_us,
                "image_us": each.image_us,
                "shared_step_us": each.shared_step_us,
                "images_at_once": each.images_at_once,
            }
            for each in value.step_times
        ],
        "example_prompts": list(value.example_prompts),
        "known_words": list(value.known_words),
        "adapters": list(value.adapters),
        "inpainting_only": value.inpainting_only,
    }
