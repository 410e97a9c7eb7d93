"""How strongly a picture follows its prompt: two answers of the denoiser made one, or an input the denoiser takes."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Guide:
    """One image's guidance."""

    scale: float
    """Guidance scale; 1 and below guides nothing."""
    rescale: float = 0.0
    """How far a guided answer is brought back to the spread of the prompt's own, 0 to 1."""
    embedding: torch.Tensor | None = None
    """1 × width, for denoisers that take the scale as an input and are asked once."""

    def combine(self, prediction: torch.Tensor) -> torch.Tensor:
        """The guided answer of shape 1 × …; `prediction` is 2 × …, without the prompt first.

        Ho and Salimans 2022, "Classifier-Free Diffusion Guidance"; the rescaling is section 3.4 of Lin et al. 2023,
        "Common Diffusion Noise Schedules and Sample Steps are Flawed".
        """
        without, with_prompt = prediction.chunk(2)
        guided = without + self.scale * (with_prompt - without)
        if self.rescale:
            calmed = guided * (with_prompt.std() / guided.std())
            guided = self.rescale * calmed + (1 - self.rescale) * guided
        return guided


def embed(scale: float, width: int) -> torch.Tensor:
    """A guidance scale as denoisers that take it want it: 1 × width, sines then cosines of 1000 · (scale − 1).

    Meng et al. 2022, "On Distillation of Guided Diffusion Models"; frequencies as in Vaswani et al. 2017.
    """
    half = width // 2
    frequencies = torch.exp(torch.arange(half) * (-torch.log(torch.tensor(10_000.0)) / (half - 1)))
    angles = (torch.tensor(scale - 1.0) * 1000.0) * frequencies
    return torch.nn.functional.pad(torch.cat([angles.sin(), angles.cos()]), (0, width % 2))[None]
