"""`python -m bench.stack.overhead`: one client's images through the whole stack, beside bare diffusers.

Both sides draw the same prompt with the same seed, steps and size on the same machine, taking turns, one image at a
time; the other side idles meanwhile. Timings on a shared machine are noisy, ratios of neighbours less so: what counts
is the median of the ratios. The stack side is what a program sees, from before its POST to after the event that says
SUCCEEDED, so it contains HTTP, auth, the queue, the databases' fsyncs, previews, PNG and the image file.
"""

import argparse
import statistics
import time
from pathlib import Path

import httpx
import httpx_sse
import torch
from diffusers import StableDiffusionPipeline

from tests.support.stack import Stack, temporary_data

PROMPT = "a red house under a yellow sun"
MODEL = Path(__file__).parents[2] / "models" / "daydream-mini"


class Bare:
    """diffusers' own pipeline, as its documentation shows it, with PNG encoding."""

    def __init__(self) -> None:
        self._pipeline = StableDiffusionPipeline.from_pretrained(  # type: ignore[no-untyped-call]
            MODEL, dtype=torch.float32, use_safetensors=True
        )
        self._pipeline.set_progress_bar_config(disable=True)

    def draw(self, *, steps: int, seed: int, size: int) -> None:
        """One image, kept nowhere."""
        image = self._pipeline(
            PROMPT, num_inference_steps=steps, guidance_scale=2.5, width=size, height=size,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]  # fmt: skip
        image.tobytes()


class Through:
    """A program that submits a task and follows its events."""

    def __init__(self, stack: Stack) -> None:
        headers = {"Authorization": f"Bearer {stack.api_key}"}
        self._client = httpx.Client(base_url=stack.url, headers=headers, timeout=60)

    def draw(self, *, steps: int, seed: int, size: int) -> tuple[float, float]:
        """One image; gives seconds until the submit was answered and until the first step was heard of."""
        begun = time.perf_counter()
        body = {"prompt": PROMPT, "steps": steps, "guidance": 2.5, "width": size, "height": size, "seed": seed}
        answer = self._client.post("/api/v1/tasks", json=body)
        answer.raise_for_status()
        answered = time.perf_counter() - begun
        first_step = 0.0
        path = f"/api/v1/tasks/{answer.json()['id']}/events"
        with httpx_sse.connect_sse(self._client, "GET", path) as source:
            for event in source.iter_sse():
                task = event.json()
                if not first_step and task.get("progress", {}).get("step", 0) > 0:
                    first_step = time.perf_counter() - begun
                if task["state"] == "SUCCEEDED":
                    return answered, first_step
        raise RuntimeError("the events ended before the task did")


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=30, help="images a side and size")
    parser.add_argument("--steps", type=int, default=20)
    chosen = parser.parse_args()
    bare = Bare()
    print("| size | bare diffusers, s | through the stack, s | ratio | submit answered, ms | first step heard of, ms |")
    print("|---|---|---|---|---|---|")
    with temporary_data() as data:
        stack = Stack(Path(data)).wait()
        try:
            through = Through(stack)
            for size in (128, 256):
                print(_row(bare, through, size=size, images=chosen.images, steps=chosen.steps), flush=True)
        finally:
            stack.stop()


def _row(bare: Bare, through: Through, *, size: int, images: int, steps: int) -> str:
    bare_times, stack_times, answered, first_steps = [], [], [], []
    for seed in range(images + 1):
        begun = time.perf_counter()
        bare.draw(steps=steps, seed=seed, size=size)
        between = time.perf_counter()
        submit, first = through.draw(steps=steps, seed=seed, size=size)
        ended = time.perf_counter()
        if seed == 0:  # the first of each side warms it up
            continue
        bare_times.append(between - begun)
        stack_times.append(ended - between)
        answered.append(submit * 1000)
        first_steps.append(first * 1000)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(stack_times, bare_times, strict=True))
    figures = [statistics.median(each) for each in (bare_times, stack_times, answered, first_steps)]
    return f"| {size}² | {figures[0]:.2f} | {figures[1]:.2f} | {ratio:.2f} | {figures[2]:.0f} | {figures[3]:.0f} |"


if __name__ == "__main__":
    main()
