"""Writes the trained parts as one diffusers pipeline folder: `python -m models.export`."""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models import autoencoder, checkpoint, denoiser, diffusion, text
from models.grammar import EXAMPLES, vocabulary
from models.libraries import Network, StableDiffusionPipeline

OUTPUT = Path(__file__).parent / "daydream-mini"

# What a front end should offer for this model; the pipeline itself has no place for it.
CARD = {
    "name": "daydream-mini",
    "title": "Daydream mini",
    "description": (
        "A small model trained from scratch on a drawn world: landscapes by day, at sunset and at night, and simple "
        "shapes in eight colours."
    ),
    "defaults": {"steps": 20, "guidance": 2.5, "width": 128, "height": 128, "sampler": "DDIM"},
    "limits": {"min_size": 64, "max_size": 256, "size_multiple": 64, "max_steps": 50, "max_guidance": 8.0},
}


def pipeline(folder: Path) -> Network:
    """The pipeline of the checkpoints in `folder`, with their averaged weights."""
    state = checkpoint.load(folder / "denoiser.pt")
    if state is None:
        raise FileNotFoundError(f"there is no trained denoiser in {folder}")
    tokenizer = text.build_tokenizer()
    words, network = text.build(tokenizer), denoiser.build()
    words.load_state_dict(state["average"]["text"])
    network.load_state_dict(state["average"]["unet"])
    return StableDiffusionPipeline(
        vae=autoencoder.trained(folder),
        text_encoder=words.eval(),
        tokenizer=tokenizer,
        unet=network.eval(),
        scheduler=diffusion.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def export(folder: Path, output: Path) -> None:
    """Write the model to `output`, which is replaced whole so that no reader meets half of it."""
    part, old = output.with_name(output.name + ".part"), output.with_name(output.name + ".old")
    for leftover in (part, old):
        shutil.rmtree(leftover, ignore_errors=True)
    whole = pipeline(folder)
    for network in (whole.unet, whole.vae, whole.text_encoder):
        network.half()
    whole.save_pretrained(part, safe_serialization=True)
    _edit(part / "text_encoder" / "config.json", _full_precision)
    _edit(part / "model_index.json", _plain_tokenizer)
    _edit(part / "tokenizer" / "tokenizer_config.json", _plain_tokenizer)
    card = {**CARD, "examples": list(EXAMPLES), "words": vocabulary()}
    (part / "daydream.json").write_text(json.dumps(card, indent=2) + "\n")
    if output.exists():
        output.rename(old)
    part.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def _full_precision(config: dict[str, Any]) -> None:
    # The weights are stored in half precision, but transformers would also compute in the type this field names.
    config["dtype"] = "float32"


def _plain_tokenizer(config: dict[str, Any]) -> None:
    # The name that transformers 4 and 5 both know; 5 alone writes another.
    if "tokenizer" in config:
        config["tokenizer"] = ["transformers", "PreTrainedTokenizerFast"]
    else:
        config["tokenizer_class"] = "PreTrainedTokenizerFast"


def _edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config, indent=2) + "\n")


def main() -> None:
    """Read the command line and export."""
    parser = argparse.ArgumentParser(prog="python -m models.export", description="Write the model folder.")
    parser.add_argument("--folder", type=Path, default=Path("var/models"), help="the checkpoints")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the model folder to write")
    args = parser.parse_args()
    export(args.folder, args.output)


if __name__ == "__main__":
    main()
