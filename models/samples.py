"""Draws the sample pictures again: `python -m models.samples`.

`samples/samples.json` says which: for each file its prompt, seed, steps and guidance scale. The pictures are scaled to
twice their size, because a page shows them larger than the model draws them.
"""

import json
from pathlib import Path

from PIL import Image

from models.evaluate import draw
from models.export import OUTPUT
from models.libraries import StableDiffusionPipeline

FOLDER = Path(__file__).parent / "samples"


def main() -> None:
    """Draw every sample in the list."""
    pipeline = StableDiffusionPipeline.from_pretrained(OUTPUT)
    pipeline.set_progress_bar_config(disable=True)
    for sample in json.loads((FOLDER / "samples.json").read_text()):
        image = draw(pipeline, [sample["prompt"]], [sample["seed"]], sample["steps"], sample["guidance"])[0]
        image.resize((256, 256), Image.Resampling.LANCZOS).save(FOLDER / sample["file"], quality=88)


if __name__ == "__main__":
    main()
