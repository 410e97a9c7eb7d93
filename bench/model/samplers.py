"""Every sampler the worker offers for the bundled model, judged by the checker: `python -m bench.model.samplers`.

Each draws the same prompts from the same seeds as DDIM does, with the model's own steps and guidance. A sampler that
falls behind by more than ten points is not one to offer. Writes `models/samplers.json` and prints the table.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

import diffusers

from models.checker import check
from models.evaluate import Question, draw, questions
from models.export import OUTPUT
from models.libraries import Network, StableDiffusionPipeline
from services.gpu.samplers import Recipe, offered

FILE: Final = OUTPUT.parent / "samplers.json"
LEAST_BEHIND: Final = -10.0


def right(pipeline: Network, recipe: Recipe, asked: list[Question]) -> dict[str, float]:
    """The percentages of answers that are entirely right and of attributes that are, by one sampler."""
    config = json.loads((OUTPUT / "scheduler" / "scheduler_config.json").read_text())
    pipeline.scheduler = getattr(diffusers, recipe.scheduler_class).from_config(config, **recipe.config)
    defaults = json.loads((OUTPUT / "daydream.json").read_text())["defaults"]
    prompts, seeds = [question.prompt for question in asked], [question.seed for question in asked]
    images = draw(pipeline, prompts, seeds, defaults["steps"], defaults["guidance"])
    verdicts = [check(image, question.picture) for image, question in zip(images, asked, strict=True)]
    attributes = [each for verdict in verdicts for each in verdict.values()]
    return {
        "every attribute": 100 * sum(all(verdict.values()) for verdict in verdicts) / len(verdicts),
        "attributes": 100 * sum(attributes) / len(attributes),
    }


def main() -> int:
    """Compare them all; 1 where one is too far behind."""
    parser = argparse.ArgumentParser(prog="python -m bench.model.samplers", description="Compare the samplers.")
    parser.add_argument("--model", type=Path, default=OUTPUT, help="the pipeline folder")
    parser.add_argument("--every", type=int, default=4, help="ask only every so manieth of the 300 questions")
    args = parser.parse_args()

    pipeline = StableDiffusionPipeline.from_pretrained(args.model)
    pipeline.set_progress_bar_config(disable=True)
    asked = questions()[:: args.every]
    found = {}
    for recipe in offered(pipeline.scheduler.config, takes_guidance=False):
        found[recipe.name] = {name: round(value, 1) for name, value in right(pipeline, recipe, asked).items()}
    ddim = found["DDIM"]["every attribute"]
    FILE.write_text(json.dumps({"prompts": len(asked), "right": found}, indent=2) + "\n")
    sys.stdout.write("| sampler | every attribute | attributes | beside DDIM |\n|---|--:|--:|--:|\n")
    for name, figure in found.items():
        behind = figure["every attribute"] - ddim
        sys.stdout.write(
            f"| {name} | {figure['every attribute']:.0f} % | {figure['attributes']:.0f} % | {behind:+.0f} |\n"
        )
    return int(any(figure["every attribute"] - ddim < LEAST_BEHIND for figure in found.values()))


if __name__ == "__main__":
    sys.exit(main())
