"""Pictures of the world as tensors."""

import random

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.renderer import render
from models.world import random_picture, random_scene


def to_tensor(image: Image.Image) -> Tensor:
    """An image as a 3×H×W tensor between −1 and 1."""
    pixels = torch.from_numpy(np.asarray(image).copy())
    return pixels.permute(2, 0, 1).float() / 127.5 - 1


def image_batch(rng: random.Random, count: int) -> Tensor:
    """Freshly drawn random pictures, count×3×128×128, the richer half scenes oftener than the prompts ask for them."""
    pictures = [random_scene(rng) if rng.random() < 0.4 else random_picture(rng) for _ in range(count)]
    return torch.stack([to_tensor(render(picture, rng)) for picture in pictures])


def random_crops(images: Tensor, rng: random.Random, side: int, each: int) -> Tensor:
    """`each` random square crops of every image, on the grid of the latents so that edges stay where they are."""
    room = (images.shape[-1] - side) // 8
    crops = []
    for image in images:
        for _ in range(each):
            x, y = rng.randint(0, room) * 8, rng.randint(0, room) * 8
            crops.append(image[:, y : y + side, x : x + side])
    return torch.stack(crops)
