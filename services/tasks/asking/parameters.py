"""Checks what was asked for against what a model can do, and fills in the model's defaults."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final

from services.foundation.errors import FieldViolation, InvalidInput
from services.tasks.asking import modes, texts
from services.tasks.asking.ingredients import NO_SHAPES, Adapter, Parameters, Shapes, StartImage
from services.tasks.asking.modes import MAX_SEED
from services.tasks.workers.capabilities import Model

MAX_PROMPT_CHARS: Final = 512
MAX_SAMPLES: Final = 10
MAX_REQUEST_ID_CHARS: Final = 64
FLOAT32_ERROR: Final = 2.0**-23
"""Guidance and its limit travel as float32, so that equal ones may differ by this share."""

_FIRST: Final = frozenset(
    {"prompt", "negative_prompt", "model", "sampler", "steps", "guidance", "width", "height", "seed", "samples"}
)
"""What a request had from the first version on."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a caller asked for. None and empty names take the model's defaults; a zero was meant."""

    prompt: str = ""
    """What to draw."""
    negative_prompt: str = ""
    """What to keep out."""
    model: str = ""
    """A model's name."""
    sampler: str = ""
    """A sampler's name."""
    steps: int | None = None
    """Denoising steps."""
    guidance: float | None = None
    """Guidance scale."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    seed: int | None = None
    """−1 draws one, as None does."""
    samples: int | None = None
    """Images to make."""
    start_image: StartImage | None = None
    """What to begin from."""
    mask_upload_id: str = ""
    """An upload: white where the start image is drawn anew."""
    strength: float | None = None
    """How much of it is drawn anew."""
    variation_seed: int | None = None
    """Seed that the noise is bent towards; −1 draws one, as None does."""
    variation_strength: float = 0.0
    """How far it is bent; 0 not at all."""
    guidance_rescale: float = 0.0
    """How far guided predictions are brought back to the spread of unguided ones."""
    clip_skip: int = 0
    """Layers of the text encoder to leave out."""
    adapters: tuple[Adapter, ...] = ()
    """LoRAs to draw with."""

    def digest(self) -> str:
        """The same for the same content, so that a repeated request_id can be told from a reused one."""
        said = asdict(self)
        for field in fields(self):
            # Left out where nothing is said, so that the digests of requests from before there were these still match.
            if field.name not in _FIRST and said[field.name] == field.default:
                del said[field.name]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def check_request_id(request_id: str) -> None:
    """Raise InvalidInput unless it can be kept as a key: 1 to 64 characters, printable."""
    if not 1 <= len(request_id) <= MAX_REQUEST_ID_CHARS or not request_id.isprintable():
        raise InvalidInput.of(_wrong("request_id", f"request_id must be 1 to {MAX_REQUEST_ID_CHARS} characters."))


def resolve(asked: Asked, models: Sequence[Model], shapes: Shapes = NO_SHAPES) -> Parameters:
    """The parameters to draw with. `models` is not empty; its first is the default.

    `shapes` are those of the pictures that are named, where the caller has them.

    Raises InvalidInput that names every wrong field at once.
    """
    model = next((each for each in models if each.name == asked.model), None) if asked.model else models[0]
    if model is None:
        names = ", ".join(each.name for each in models)
        raise InvalidInput.of(_wrong("model", f"There is no such model; choose one of: {names}."))
    sampler = asked.sampler or model.samplers[0].name
    defaults = model.defaults
    samples = 1 if asked.samples is None else asked.samples
    resolved = Parameters(
        prompt=asked.prompt,
        negative_prompt=asked.negative_prompt,
        model=model.name,
        sampler=sampler,
        steps=defaults.steps if asked.steps is None else asked.steps,
        guidance=defaults.guidance if asked.guidance is None else asked.guidance,
        width=defaults.width if asked.width is None else asked.width,
        height=defaults.height if asked.height is None else asked.height,
        seed=None if asked.seed in {None, -1} else asked.seed,
        samples=samples,
        start_image=asked.start_image,
        mask_upload_id=asked.mask_upload_id,
        strength=modes.strength(
            asked.strength, starts=asked.start_image is not None, masked=bool(asked.mask_upload_id)
        ),
        variation_seed=modes.variation_seed(asked.variation_seed, asked.variation_strength, samples),
        variation_strength=asked.variation_strength,
        guidance_rescale=asked.guidance_rescale,
        clip_skip=asked.clip_skip,
        adapters=asked.adapters,
    )
    if wrong := (*_violations(resolved, model), *modes.violations(resolved, model, shapes)):
        raise InvalidInput.of(*wrong)
    return resolved


def _wrong(field: str, description: str) -> FieldViolation:
    return FieldViolation(field=field, description=description)


def _violations(asked: Parameters, model: Model) -> Iterator[FieldViolation]:
    limits = model.limits
    yield from _texts(asked, min(MAX_PROMPT_CHARS, limits.max_prompt_chars))
    if asked.sampler not in {each.name for each in model.samplers}:
        names = ", ".join(each.name for each in model.samplers)
        yield _wrong("sampler", f"This model has no such sampler; choose one of: {names}.")
    if not 1 <= asked.steps <= limits.max_steps:
        yield _wrong("steps", f"Steps must be 1 to {limits.max_steps}.")
    if not (math.isfinite(asked.guidance) and 0 <= asked.guidance <= limits.max_guidance * (1 + FLOAT32_ERROR)):
        yield _wrong("guidance", f"Guidance must be 0 to {limits.max_guidance:g}.")
    for name, size in (("width", asked.width), ("height", asked.height)):
        if not limits.min_size <= size <= limits.max_size or size % limits.size_multiple:
            yield _wrong(
                name,
                f"{name.capitalize()} must be {limits.min_size} to {limits.max_size} pixels, "
                f"a multiple of {limits.size_multiple}.",
            )
    if limits.max_pixels and asked.width * asked.height > limits.max_pixels:
        yield _wrong("width", f"Width times height must be at most {limits.max_pixels} pixels.")
    most = min(MAX_SAMPLES, limits.max_samples)
    # Image n has seed + n, so the last one's must fit too; a wrong number of images is told by itself.
    last_seed = MAX_SEED - (min(max(asked.samples, 1), most) - 1)
    if asked.seed is not None and not 0 <= asked.seed <= last_seed:
        yield _wrong("seed", f"Seed must be 0 to {last_seed}, or -1 to draw one.")
    if not 1 <= asked.samples <= most:
        yield _wrong("samples", f"Samples must be 1 to {most}.")


def _texts(asked: Parameters, most: int) -> Iterator[FieldViolation]:
    yield from texts.violations("prompt", asked.prompt, most=most, empty="Say what to draw: the prompt is empty.")
    yield from texts.violations("negative_prompt", asked.negative_prompt, most=most)
