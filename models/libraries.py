"""diffusers and transformers, as far as the models use them.

Both build their classes in ways that a type checker cannot follow, so the names taken from them are untyped here, in
this one place, and the rest of the package stays strictly checked.
"""

from typing import Any

import diffusers
import transformers
from diffusers.models import attention_processor

AutoencoderKL: Any = diffusers.AutoencoderKL
UNet2DConditionModel: Any = diffusers.UNet2DConditionModel
DDIMScheduler: Any = diffusers.DDIMScheduler
StableDiffusionPipeline: Any = diffusers.StableDiffusionPipeline
StableDiffusionImg2ImgPipeline: Any = diffusers.StableDiffusionImg2ImgPipeline
StableDiffusionInpaintPipeline: Any = diffusers.StableDiffusionInpaintPipeline
AttnProcessor: Any = attention_processor.AttnProcessor
CLIPTextConfig: Any = transformers.CLIPTextConfig
CLIPTextModel: Any = transformers.CLIPTextModel
PreTrainedTokenizerFast: Any = transformers.PreTrainedTokenizerFast

# A network or a tokenizer of theirs.
Network = Any
Words = Any
