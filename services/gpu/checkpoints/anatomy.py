"""What a checkpoint is, by its configuration files or its one file's header, before any weight is read.

So the card of a model that is not in memory is known too. Knows no torch.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.gpu import card, errors, samplers
from services.gpu.card import Card
from services.gpu.checkpoints import headers, single_file
from services.gpu.checkpoints.sources import Source

MAX_SIZE_CPU: Final = 768
"""Pixels a side; bigger pictures take minutes on a CPU."""
MAX_SIZE_ACCELERATOR: Final = 1024
"""Pixels a side, where memory allows."""


@dataclass(frozen=True, kw_only=True)
class Anatomy:
    """The configurations of a checkpoint's parts."""

    unet: Mapping[str, Any]
    """The denoiser's."""
    vae: Mapping[str, Any]
    """The autoencoder's."""
    text_encoder: Mapping[str, Any]
    """The text encoder's."""
    scheduler: Mapping[str, Any]
    """The sampler's the model was trained or meant for, with what its card file says of the prediction."""
    parameters: int
    """Numbers its weights are made of."""
    version: int
    """1 or 2, of Stable Diffusion; told apart by single files only, else 1."""

    @property
    def latent_pixels(self) -> int:
        """Pixels a latent stands for, along a side."""
        return int(2 ** (len(self.vae["block_out_channels"]) - 1))

    @property
    def native_size(self) -> int:
        """Pixels a side it was trained at."""
        size = self.unet.get("sample_size") or 64
        return int(size if isinstance(size, int) else min(size)) * self.latent_pixels

    @property
    def text_layers(self) -> int:
        """Layers of the text encoder."""
        return int(self.text_encoder.get("num_hidden_layers", 12))

    @property
    def text_width(self) -> int:
        """Width of the embeddings the denoiser takes."""
        return int(self.unet.get("cross_attention_dim", 1280))

    @property
    def inpainting(self) -> bool:
        """Whether the denoiser takes a mask and a masked picture beside the latents (nine channels, as a rule)."""
        return self._channels != self._latents

    @property
    def _channels(self) -> int:
        return int(self.unet.get("in_channels", 4))

    @property
    def _latents(self) -> int:
        return int(self.vae.get("latent_channels", 4))

    def check(self, what: object) -> None:
        """Raise ModelUnusable when `what`, the checkpoint, wants something beside text, a picture and a mask."""
        if self._channels not in (self._latents, 2 * self._latents + 1):
            raise errors.ModelUnusable(
                f"{what} has a denoiser of {self._channels} channels: neither one that draws from text "
                f"({self._latents}) nor one for inpainting ({2 * self._latents + 1})."
            )


def of(source: Source) -> Anatomy:
    """Read what `source` is. Raises ModelUnusable."""
    kind = card.prediction_type(source.card_file)
    try:
        anatomy = _of_folder(source, kind) if source.file is None else _of_file(source, kind)
        anatomy.check(source.file or source.folder)
        # Each is worked out here, so that a configuration without sense is told now.
        _ = anatomy.native_size, anatomy.text_layers
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise errors.ModelUnusable(
            f"{source.file or source.folder} cannot be used: {errors.first_line(error)}."
        ) from error
    return anatomy


def card_of(source: Source, anatomy: Anatomy, *, on_cpu: bool) -> Card:
    """What callers know of the checkpoint before it was measured. Raises ModelUnusable."""
    recipes = samplers.offered(anatomy.scheduler, takes_guidance=anatomy.unet.get("time_cond_proj_dim") is not None)
    return card.read(
        source.card_file,
        name=source.name,
        traits=card.Traits(
            native_size=anatomy.native_size,
            max_size=MAX_SIZE_CPU if on_cpu else MAX_SIZE_ACCELERATOR,
            size_multiple=anatomy.latent_pixels,
            sampler=samplers.own(anatomy.scheduler),
            text_layers=anatomy.text_layers,
            inpainting=anatomy.inpainting,
        ),
        samplers=samplers.cards(recipes),
    )


def _of_folder(source: Source, kind: str | None) -> Anatomy:
    unet, vae, text = (
        json.loads((source.folder / part / "config.json").read_text("utf-8"))
        for part in ("unet", "vae", "text_encoder")
    )
    scheduler = json.loads((source.folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    said = {} if kind is None else {"prediction_type": kind}
    files = [headers.read(file) for part in ("unet", "vae", "text_encoder") for file in source.weights(part)]
    return Anatomy(
        unet=unet,
        vae=vae,
        text_encoder=text,
        scheduler={**scheduler, **said},
        parameters=sum(header.parameters() for header in files),
        version=1,
    )


def _of_file(source: Source, kind: str | None) -> Anatomy:
    assert source.file is not None
    header = headers.read(source.file)
    told = single_file.configs(source.file, header, prediction_type=kind)
    return Anatomy(
        unet=told.unet,
        vae=told.vae,
        text_encoder=told.text_encoder,
        scheduler=told.scheduler,
        # Files hold more at times, such as running averages of the weights.
        parameters=sum(header.parameters(prefix) for prefix in single_file.PARTS),
        version=told.version,
    )
