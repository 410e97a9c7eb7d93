"""Measures the bundled model: `python -m models.evaluate`.

It asks for three hundred prompts that training never saw, each with a fixed seed, lets the checker judge every
attribute, and writes the figures and a sheet with the example prompts and the worst mistakes.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from models.checker import check
from models.export import OUTPUT
from models.grammar import EXAMPLES, held_out, prompt_for
from models.libraries import Network, StableDiffusionPipeline
from models.sheet import Tile, draw_sheet
from models.world import Picture, generator, kind, random_picture

COUNTS = {"scene": 150, "single": 75, "several": 30, "pair": 45}
FIRST_SEED = 10_000
EXAMPLE_SEED = 4
BATCH = 10


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing to ask for.

    picture: what must come out.
    prompt: how it is asked for.
    seed: of the noise.
    """

    picture: Picture
    prompt: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came out: the image, and for each attribute whether it is right."""

    question: Question
    image: Image.Image
    verdict: dict[str, bool]

    @property
    def right(self) -> bool:
        """Whether every attribute is right."""
        return all(self.verdict.values())


def questions() -> list[Question]:
    """The fixed list: so many of each kind, all held out from training, each prompt once."""
    rng = generator("evaluate")
    left = dict(COUNTS)
    chosen: dict[str, Question] = {}
    while any(left.values()):
        picture = random_picture(rng)
        prompt = prompt_for(picture, rng)
        if left[kind(picture)] and held_out(prompt) and prompt not in chosen:
            left[kind(picture)] -= 1
            chosen[prompt] = Question(picture=picture, prompt=prompt, seed=FIRST_SEED + len(chosen))
    return list(chosen.values())


def draw(pipeline: Network, prompts: list[str], seeds: list[int], steps: int, guidance: float) -> list[Image.Image]:
    """One 128×128 image for each prompt and seed, in batches."""
    images: list[Image.Image] = []
    for begin in range(0, len(prompts), BATCH):
        part = slice(begin, begin + BATCH)
        images += pipeline(
            prompts[part],
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds[part]],
            num_inference_steps=steps,
            guidance_scale=guidance,
            height=128,
            width=128,
        ).images
    return images


def figures(answers: list[Answer]) -> dict[str, dict[str, float]]:
    """For all together and for each kind, the percentages of right answers and of right attributes."""
    groups: dict[str, list[Answer]] = {"all": answers}
    for name in COUNTS:
        groups[name] = [answer for answer in answers if kind(answer.question.picture) == name]
    return {name: _percentages(group) for name, group in groups.items() if group}


def _percentages(answers: list[Answer]) -> dict[str, float]:
    by_name: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        by_name["every attribute"].append(answer.right)
        for name, right in answer.verdict.items():
            by_name["attributes"].append(right)
            by_name[name].append(right)
    return {name: round(100 * sum(values) / len(values), 1) for name, values in by_name.items()}


def table(result: dict[str, dict[str, float]]) -> str:
    """The figures as a Markdown table, one row an attribute, one column a kind."""
    names = list(dict.fromkeys(name for column in result.values() for name in column))
    rows = [" | ".join(["", *result]), "|".join(["---", *("--:" for _ in result)])]
    for name in names:
        cells = [f"{column[name]:.0f} %" if name in column else "" for column in result.values()]
        rows.append(" | ".join([name, *cells]))
    return "\n".join(f"| {row} |" for row in rows)


def _tiles(pipeline: Network, answers: list[Answer], steps: int, guidance: float) -> Iterator[Tile]:
    examples = list(EXAMPLES)
    drawn = draw(pipeline, examples, [EXAMPLE_SEED] * len(examples), steps, guidance)
    for prompt, image in zip(examples, drawn, strict=True):
        yield Tile(image=image, caption=prompt)
    wrong = sorted((answer for answer in answers if not answer.right), key=lambda answer: sum(answer.verdict.values()))
    for answer in wrong[:12]:
        missed = ", ".join(name for name, right in answer.verdict.items() if not right)
        yield Tile(image=answer.image, caption=answer.question.prompt, mark=f"wrong: {missed}")


def main() -> None:
    """Read the command line, draw, judge and write."""
    parser = argparse.ArgumentParser(prog="python -m models.evaluate", description="Measure the bundled model.")
    parser.add_argument("--model", type=Path, default=OUTPUT, help="the pipeline folder")
    parser.add_argument("--figures", type=Path, default=OUTPUT.parent / "figures.json", help="the figures to write")
    parser.add_argument("--sheet", type=Path, default=OUTPUT.parent / "sample-sheet.webp", help="the sheet to write")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=2.5)
    parser.add_argument("--every", type=int, default=1, help="ask only every so manieth question, for a quick look")
    args = parser.parse_args()

    pipeline = StableDiffusionPipeline.from_pretrained(args.model)
    pipeline.set_progress_bar_config(disable=True)
    if torch.cuda.is_available():
        pipeline.to("cuda")
    asked = questions()[:: args.every]
    prompts, seeds = [question.prompt for question in asked], [question.seed for question in asked]
    images = draw(pipeline, prompts, seeds, args.steps, args.guidance)
    answers = [
        Answer(question=question, image=image, verdict=check(image, question.picture))
        for question, image in zip(asked, images, strict=True)
    ]
    result = figures(answers)
    args.figures.write_text(json.dumps(result, indent=2) + "\n")
    draw_sheet(list(_tiles(pipeline, answers, args.steps, args.guidance))).save(args.sheet, quality=84)
    print(table(result))


if __name__ == "__main__":
    main()
