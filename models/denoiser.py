"""The denoiser, trained together with the text encoder.

It learns from a pool of latents: pictures are drawn and encoded once, seen several times with ever new wordings and
noise, and replaced bit by bit, so that most of the time goes into the denoiser itself.
"""

import random
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from models import autoencoder, checkpoint, diffusion, text
from models.images import to_tensor
from models.libraries import AttnProcessor, Network, UNet2DConditionModel, Words
from models.log import Log
from models.parallel import Team
from models.renderer import render
from models.schedule import Pace
from models.world import Picture, generator, random_picture

BATCH = 32
POOL = 16_000
FIRST_POOL = 1_024
FRESH = 3  # pictures drawn anew at every step
EMPTY = 0.1  # the share of prompts left empty, from which guidance learns what no prompt looks like
TEXT_RATE = 0.4
DECAY = 0.998


def build() -> Network:
    """The untrained network, 6.13 M parameters."""
    network = UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(64, 112, 128),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=text.WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )
    torch.nn.init.zeros_(network.conv_out.weight)
    torch.nn.init.zeros_(network.conv_out.bias)
    return network


class Pool:
    """Pictures with their latents, the oldest of which make room for new ones."""

    def __init__(self, encoder: Network, rng: random.Random, device: torch.device) -> None:
        self._encoder = encoder
        self._rng = rng
        self._device = device
        self._pictures: list[Picture] = []
        self._latents = torch.empty(POOL, 4, 16, 16)
        self._next = 0

    @torch.no_grad()
    def refresh(self, count: int) -> None:
        """Draw and encode `count` new pictures."""
        pictures = [random_picture(self._rng) for _ in range(count)]
        images = torch.stack([to_tensor(render(picture, self._rng)) for picture in pictures]).to(self._device)
        with torch.autocast(self._device.type, torch.bfloat16):
            latents = self._encoder.encode(images).latent_dist.mode().float().cpu()
        for picture, latent in zip(pictures, latents, strict=True):
            if len(self._pictures) < POOL:
                self._pictures.append(picture)
            else:
                self._pictures[self._next] = picture
            self._latents[self._next] = latent
            self._next = (self._next + 1) % POOL

    def batch(self) -> tuple[list[Picture], Tensor]:
        """BATCH pictures at random, with their latents."""
        chosen = [self._rng.randrange(len(self._pictures)) for _ in range(BATCH)]
        return [self._pictures[i] for i in chosen], self._latents[chosen].to(self._device)


def train(team: Team, folder: Path, pace: Pace, begin: Path | None) -> None:
    """Train to the end of `pace`, going on from the checkpoint in `folder` where there is one.

    A first run starts from the weights of the finished model in `begin`, if given.
    """
    torch.manual_seed(3)
    tokenizer = text.build_tokenizer()
    network = _first(begin).to(team.device)
    words = text.pretrained(folder, tokenizer).to(team.device)
    parts = {"unet": network, "text": words}
    parameters = [*network.parameters(), *words.parameters()]
    optimiser = torch.optim.AdamW(
        [{"params": list(network.parameters())}, {"params": list(words.parameters())}],
        lr=0.0,
        betas=(0.9, 0.99),
        weight_decay=0.01,
    )
    path = folder / "denoiser.pt"
    state = checkpoint.load(path)
    if state is not None:
        for name, part in parts.items():
            part.load_state_dict(state[name])
        optimiser.load_state_dict(state["optimiser"])
        pace.resume(state["pace"])
    team.share(parameters)
    average = {name: _copy(part.state_dict()) for name, part in parts.items()}
    if state is not None:
        for name in parts:
            average[name] = {key: value.to(team.device) for key, value in state["average"][name].items()}

    rng = generator("denoiser", team.rank, pace.step)
    torch.manual_seed(1000 * team.rank + pace.step)
    pool = Pool(autoencoder.trained(folder).to(team.device), rng, team.device)
    for _ in range(FIRST_POOL // 32):
        pool.refresh(32)
    signal = diffusion.scheduler().alphas_cumprod.to(team.device)
    log = Log(folder / "denoiser.jsonl", team)

    while pace.progress < 1:
        pool.refresh(FRESH)
        pictures, latents = pool.batch()
        ids = _ids(tokenizer, pictures, rng).to(team.device)
        timesteps = diffusion.spread_timesteps(BATCH).to(team.device)
        noisy, target = diffusion.noised(latents, torch.randn_like(latents), timesteps, signal)
        rate = pace.rate(1.2e-3, flat=0.3)
        for group, share in zip(optimiser.param_groups, (1.0, TEXT_RATE), strict=True):
            group["lr"] = rate * share
        with torch.autocast(team.device.type, torch.bfloat16):
            states = words(ids).last_hidden_state
            predicted = network(noisy, timesteps, states).sample
        value = F.mse_loss(predicted.float(), target)
        torch.autograd.backward(value)
        pace.progress = team.average_gradients(parameters, pace.own_progress)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        pace.step += 1
        decay = min(DECAY, (1 + pace.step) / (10 + pace.step))
        for name, part in parts.items():
            _follow(average[name], part.state_dict(), decay)
        log.add(pace, value.item(), rate)
        if team.leads and (pace.step % 250 == 0 or pace.progress >= 1):
            kept: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
            kept |= {"average": average, "optimiser": optimiser.state_dict(), "pace": pace.state()}
            checkpoint.save(path, kept)


def _first(begin: Path | None) -> Network:
    """The network as a first run finds it."""
    network = build()
    if begin:
        network.load_state_dict(UNet2DConditionModel.from_pretrained(begin, subfolder="unet").state_dict())
    # At so small a batch the fused attention's backward pass takes longer than all of the plain one.
    network.set_attn_processor(AttnProcessor())
    return network


def _ids(tokenizer: Words, pictures: list[Picture], rng: random.Random) -> Tensor:
    prompts = ["" if rng.random() < EMPTY else text.worded(picture, rng) for picture in pictures]
    return text.encode_prompts(tokenizer, prompts)


def _copy(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _follow(average: dict[str, Tensor], weights: dict[str, Tensor], decay: float) -> None:
    """Move the running average a little towards `weights`."""
    for name, value in average.items():
        value.lerp_(weights[name], 1 - decay)
