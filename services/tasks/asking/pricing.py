"""What a generation costs, in whole tokens."""

from typing import Final

from services.tasks.asking.ingredients import Parameters

STEP_PIXELS_A_TOKEN: Final = 20 * 512 * 512
"""One token buys 20 steps at 512 × 512."""


def price_per_image(parameters: Parameters) -> int:
    """Tokens for one image delivered: at least one, part tokens rounded up."""
    work = parameters.steps_run * parameters.width * parameters.height
    return max(1, -(-work // STEP_PIXELS_A_TOKEN))


def price(parameters: Parameters) -> int:
    """Tokens to hold for the whole task: samples × max(1, ⌈steps · width · height / (20 · 512²)⌉).

    The steps are those that are gone: with a start image, ⌊steps · strength⌋ of those asked for.
    """
    return parameters.samples * price_per_image(parameters)
