"""What the worker can be told, all by the environment."""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.foundation import settings

BUNDLED_MODEL: Final = Path(__file__).parents[2] / "models" / "daydream-mini"


class GpuSettings(settings.Settings):
    """The worker's settings, `GPU_…` in the environment."""

    model_config = SettingsConfigDict(env_prefix="GPU_")

    bind: settings.BindAddress = "127.0.0.1:8013"
    """Where to listen, `host:port`."""
    auth_target: str = Field(default="127.0.0.1:8011", validation_alias=settings.variable("AUTH_TARGET"))
    """Where auth answers; its public keys verify the callers' tokens."""
    model: str = Field(default=str(BUNDLED_MODEL), min_length=1)
    """A diffusers folder, or the id of one on the model hub (`owner/name`)."""
    device: str = "auto"
    """`auto`, `cpu` or `cuda:0` and its like; auto takes the first accelerator there is."""
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    """What the weights are held in; auto is float32 on a CPU, else bfloat16 where the device has it, else float16."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads for one forward; None tries at start which number is quickest, up to the cores there are."""
    slots: int = Field(default=2, ge=1, le=64)
    """Requests drawn at once, a step of each in turn."""
    waiting: int = Field(default=4, ge=1, le=1024)
    """Requests that may wait for a slot; one more is refused."""
