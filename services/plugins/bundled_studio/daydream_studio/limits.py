"""What the chosen model cannot do of what a form says, told before anybody waits. The ledger has the last word."""

from collections.abc import Mapping
from typing import Any

from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import tasks_pb2

from .estimates import model_of


def beyond(known: tasks_pb2.GetCapabilitiesResponse | None, wanted: Mapping[str, Any]) -> dict[str, list[str]]:
    """A sentence for each value that is beyond what the model can do; nothing where that is not known."""
    if known is None or not known.models:
        return {}
    model = model_of(known, wanted.get("model") or "")
    if model is None:
        return {"model": ["The studio does not have this model now."]}
    said = {**_counts(model, wanted), **_sizes(model.limits, wanted)}
    samplers = [each.name for each in model.samplers]
    if wanted.get("sampler") and samplers and wanted["sampler"] not in samplers:
        said["sampler"] = f"This model is drawn with {', '.join(samplers)}."
    return {name: [sentence] for name, sentence in said.items()}


def _counts(model: inference_pb2.Model, wanted: Mapping[str, Any]) -> dict[str, str]:
    limits = model.limits
    most = {"steps": limits.max_steps, "samples": limits.max_samples, "guidance": round(limits.max_guidance, 3)}
    return {
        name: f"This model takes {limit:g} at most."
        for name, limit in most.items()
        if limit and (wanted.get(name) or 0) > limit
    }


def _sizes(limits: inference_pb2.Limits, wanted: Mapping[str, Any]) -> dict[str, str]:
    said = {}
    for name in ("width", "height"):
        side = wanted.get(name)
        if side is None or not limits.max_size:
            continue
        if not limits.min_size <= side <= limits.max_size:
            said[name] = f"This model draws {limits.min_size} to {limits.max_size} pixels."
        elif limits.size_multiple and side % limits.size_multiple:
            said[name] = f"This must be a multiple of {limits.size_multiple}."
    if not said and limits.max_pixels and (wanted.get("width") or 0) * (wanted.get("height") or 0) > limits.max_pixels:
        said["width"] = f"Width times height may be {limits.max_pixels:,} pixels at most."
    return said
