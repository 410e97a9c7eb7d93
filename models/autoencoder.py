"""The autoencoder: 128×128 pixels to 4×16×16 latents and back.

It trains in two parts. First encoder and decoder together; then the latents are whitened, the transform is folded into
the neighbouring convolutions, and the decoder alone learns to draw from latents that no longer change.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from models import checkpoint
from models.images import image_batch, random_crops
from models.libraries import AutoencoderKL, Network
from models.log import Log
from models.parallel import Team
from models.schedule import Pace
from models.world import generator

LATENT_NOISE = 0.05
TOGETHER = 0.86  # the share of the budget in which the encoder trains too
CROPS = 0.5  # the share of that part that looks at crops rather than whole pictures
BATCH = 8  # whole pictures, or twice as many crops


def build() -> Network:
    """The untrained network, 0.94 M parameters."""
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 64),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        sample_size=128,
        scaling_factor=1.0,
        mid_block_add_attention=False,
        use_quant_conv=False,
        use_post_quant_conv=False,
        force_upcast=False,
    )


def loss(drawn: Tensor, image: Tensor) -> Tensor:
    """Mean error, squared error, and the error of the edges, which the eye sees first.

    The mean error counts more where there is something to see, or the small things would drown in the sky.
    """
    difference = drawn - image
    across = (difference[..., :, 1:] - difference[..., :, :-1]).abs().mean()
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    smooth = F.avg_pool2d(image, 9, stride=1, padding=4, count_include_pad=False)
    detail = F.max_pool2d((image - smooth).abs().amax(dim=1, keepdim=True), 5, stride=1, padding=2)
    weighted = (difference.abs() * (1 + 3 * detail)).mean()
    return weighted + difference.square().mean() + 0.5 * (across + down)


def train(team: Team, folder: Path, pace: Pace, begin: Path | None) -> None:
    """Train to the end of `pace`, going on from the checkpoint in `folder` where there is one.

    A first run starts from the weights of the finished model in `begin`, if given.
    """
    torch.manual_seed(1)
    network = build().to(team.device)
    if begin:
        network.load_state_dict(AutoencoderKL.from_pretrained(begin, subfolder="vae").state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=1e-3)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    whitened = False
    path = folder / "autoencoder.pt"
    if (state := checkpoint.load(path)) is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average = {name: value.to(team.device) for name, value in state["average"].items()}
        pace.resume(state["pace"])
        whitened = bool(state["whitened"])
    team.share(network.parameters())
    if whitened:
        network.encoder.requires_grad_(False)
    rng = generator("autoencoder", team.rank, pace.step)
    torch.manual_seed(1000 * team.rank + pace.step)
    log = Log(folder / "autoencoder.jsonl", team)

    while pace.progress < 1:
        if not whitened and pace.progress >= TOGETHER:
            network.load_state_dict(average)
            _whiten(network, team)
            whitened = True
            network.encoder.requires_grad_(False)
            average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        alone, together = pace.rate(1.5e-3, flat=0.1, begin=TOGETHER), pace.rate(2e-3, flat=0.4, end=TOGETHER)
        rate = alone if whitened else together
        for group in optimiser.param_groups:
            group["lr"] = rate
        crops = not whitened and pace.progress < TOGETHER * CROPS
        image = image_batch(rng, BATCH).to(team.device)
        if crops:
            image = random_crops(image, rng, 64, 2)
        value = _step(network, image, whitened)
        pace.progress = team.average_gradients(network.parameters(), pace.own_progress)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        decay = min(0.995, (1 + pace.step) / (10 + pace.step))
        for name, weight in network.state_dict().items():
            average[name].lerp_(weight, 1 - decay)
        pace.step += 1
        log.add(pace, value, rate)
        if team.leads and (pace.step % 200 == 0 or pace.progress >= 1):
            checkpoint.save(
                path,
                {
                    "network": network.state_dict(),
                    "average": average,
                    "optimiser": optimiser.state_dict(),
                    "pace": pace.state(),
                    "whitened": whitened,
                },
            )


def trained(folder: Path) -> Network:
    """The autoencoder of the checkpoint in `folder`, with its averaged weights, for use."""
    state = checkpoint.load(folder / "autoencoder.pt")
    if state is None:
        raise FileNotFoundError(f"there is no trained autoencoder in {folder}")
    network = build()
    network.load_state_dict(state["average"])
    return network.eval().requires_grad_(False)


def _step(network: Network, image: Tensor, whitened: bool) -> float:
    """One loss and its gradients."""
    with torch.autocast(image.device.type, torch.bfloat16):
        if whitened:
            with torch.no_grad():
                latents = network.encode(image).latent_dist.mode()
        else:
            latents = network.encode(image).latent_dist.mode()
        drawn = network.decode(latents + LATENT_NOISE * torch.randn_like(latents)).sample
    value = loss(drawn.float(), image)
    total = value if whitened else value + 1e-3 * latents.float().square().mean()
    total.backward()
    return value.item()


@torch.no_grad()
def _whiten(network: Network, team: Team) -> None:
    """Turn the latents to zero mean and unit covariance, and the decoder to expect them so.

    Of all the transforms that do so this is the one nearest to none, so a model that goes on training from white
    latents keeps the meaning of each channel, and a denoiser trained on the former ones can go on as well.
    """
    rng = generator("whiten")  # the same pictures in every process, so that all fold the same transform
    batches = [network.encode(image_batch(rng, 64).to(team.device)).latent_dist.mode() for _ in range(12)]
    values = torch.cat(batches).permute(1, 0, 2, 3).reshape(4, -1).double()
    mean = values.mean(dim=1)
    scale, turn = torch.linalg.eigh(torch.cov(values))
    white = turn / scale.sqrt() @ turn.T
    colour = turn * scale.sqrt() @ turn.T

    out = network.encoder.conv_out
    weight, bias = out.weight[:4].double(), out.bias[:4].double()
    out.weight[:4] = torch.einsum("ij,jckl->ickl", white, weight).float()
    out.bias[:4] = (white @ (bias - mean)).float()
    # The posterior's spread is never learned; the file says the small one that the decoder was trained with.
    out.weight[4:] = 0
    out.bias[4:] = 2 * torch.log(torch.tensor(LATENT_NOISE))

    first = network.decoder.conv_in
    kernel = first.weight.double()
    first.bias += torch.einsum("ockl,c->o", kernel, mean).float()
    first.weight.copy_(torch.einsum("ockl,ci->oikl", kernel, colour).float())


def psnr(drawn: Tensor, image: Tensor) -> float:
    """Peak signal-to-noise ratio in decibels, of images between −1 and 1, the mean over pictures."""
    error = F.mse_loss(drawn, image, reduction="none").mean(dim=(1, 2, 3))
    return float((10 * torch.log10(4 / error)).mean())
