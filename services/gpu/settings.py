"""What the worker can be told, all by the environment."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import SettingsConfigDict

from services.foundation import settings

BUNDLED_MODEL: Final = Path(__file__).parents[2] / "models" / "daydream-mini"

_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}


def _bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]I?|)B?", value.strip().upper())
    if match is None:
        raise PydanticCustomError("bytes", "must be bytes, or a number with KB, MB, GB, KiB, MiB or GiB")
    return int(float(match[1]) * _UNITS[match[2]])


Bytes = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(_bytes)]
"""`6000000000`, `6GB`, `5.5 GiB`; an empty one is none."""


class GpuSettings(settings.Settings):
    """The worker's settings, `GPU_…` in the environment."""

    model_config = SettingsConfigDict(env_prefix="GPU_")

    bind: settings.BindAddress = "127.0.0.1:8013"
    """Where to listen, `host:port`."""
    auth_target: str = Field(default="127.0.0.1:8011", validation_alias=settings.variable("AUTH_TARGET"))
    """Where auth answers; its public keys verify the callers' tokens."""
    model: str = Field(default=str(BUNDLED_MODEL), min_length=1)
    """A diffusers folder, a .safetensors file, or an id on the model hub (`owner/name`); several are set apart by
    commas, and the first is the default."""
    adapters_dir: Annotated[Path | None, BeforeValidator(lambda value: value or None)] = None
    """A folder of LoRAs, .safetensors files that requests name without the ending; empty offers none."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda:0` and its like; auto takes the first accelerator there is."""
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """What the weights are held in; auto is float32 on a CPU, else bfloat16 where the device has it, else float16."""
    memory_limit: Bytes = None
    """What models may take, as `6GB`; empty is what is free on an accelerator at start, and no limit on a CPU."""
    attention: Literal["auto", "sdpa", "sliced"] = "auto"
    """`sdpa` is PyTorch's fused attention, `sliced` an older one that goes slice by slice; auto takes the first, and
    the second where that is what fits a model into its memory."""
    compile: bool = False
    """Compile the denoiser with torch.compile: quicker, but every new shape first takes a minute or so."""
    channels_last: bool = False
    """Lay convolutions out as tensor cores like them."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads for one forward; None tries at start which number is quickest, up to the cores there are."""
    slots: int | None = Field(default=None, ge=1, le=64)
    """Requests drawn at once; None makes it as many as fill two forwards of the denoiser, as measured at start."""
    policy: Literal["shortest", "fifo"] = "shortest"
    """Whose turn it is: those with the fewest steps left, or strictly those that came first."""
    reproducible_rows: int | None = Field(default=None, ge=2, le=64)
    """Rows of every forward, so that a request gives the same bits whatever else is drawn; None takes what pays."""
    waiting: int = Field(default=4, ge=1, le=1024)
    """Requests that may wait for a slot; one more is refused."""

    @property
    def models(self) -> tuple[str, ...]:
        """What `model` names, one by one."""
        return tuple(name.strip() for name in self.model.split(",") if name.strip())
