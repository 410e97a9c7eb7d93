"""`python -m bench.cuda`: bare and compiled diffusers, the engine with 1 to 32 clients, rows, and each option alone.

For docs/performance.md, on a machine with an accelerator. `--tiny --device cpu` tries every part where there is none.
"""

import argparse
import asyncio
import contextlib
import gc
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import diffusers
import torch

from bench.cuda import folder
from services.gpu import bootstrap, limits
from services.gpu.engine.budget import SIZES
from services.gpu.engine.engine import Bounds, Engine
from services.gpu.events import Finished
from services.gpu.requests import Plan, Request
from services.gpu.settings import GpuSettings
from tests.support import tiny_pipeline

ROOT: Final = Path(__file__).parents[2]
PROMPT: Final = "a red house on a blue background"
GUIDANCE: Final = 7.5
CLIENTS: Final = (1, 4, 16, 32)
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "as it is": {},
    "channels last": {"channels_last": True},
    "attention by slices": {"attention": "sliced"},
    "compiled": {"compile": True},
    "compiled, channels last": {"compile": True, "channels_last": True},
}
_WARM: Final = 2
_STEPS_TIMED: Final = 5


class Bench:
    """One checkpoint on one device."""

    def __init__(self, model: Path, *, device: str, size: int, steps: int, images: int) -> None:
        """`images` a measurement, of `steps` steps and `size` pixels a side."""
        self.model, self.device, self.size, self.steps, self.images = model, device, size, steps, images

    def bare(self, *, batch: int, compiled: bool) -> float:
        """Images a second of diffusers' own pipeline."""
        dtype = torch.bfloat16 if self._on_card else torch.float32
        # The library does not type it.
        kind: Any = diffusers.StableDiffusionPipeline
        pipeline = kind.from_pretrained(self.model, torch_dtype=dtype).to(self.device)
        pipeline.set_progress_bar_config(disable=True)
        if compiled:
            pipeline.unet.compile()

        def draw(count: int) -> float:
            started = time.perf_counter()
            for _ in range(0, count, batch):
                pipeline(
                    [PROMPT] * batch, num_inference_steps=self.steps, guidance_scale=GUIDANCE,
                    width=self.size, height=self.size, output_type="np",
                )  # fmt: skip
            self._wait()
            return time.perf_counter() - started

        draw(_WARM * batch)
        count = max(self.images, batch)
        return count / draw(count)

    async def engine(self, clients: int, **settings: Any) -> float:
        """Images a second of the engine while so many clients ask, each again once it is answered."""
        told = self._settings(**settings)
        engine = Engine(load=lambda: bootstrap.load_models(told), bounds=Bounds(waiting=64))
        await engine.start()
        left = clients * _WARM

        async def ask() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                request = Request(
                    prompt=PROMPT, steps=self.steps, guidance=GUIDANCE, width=self.size, height=self.size, seed=left
                )
                async with contextlib.aclosing(engine.submit(request)) as happened:
                    async for event in happened:
                        if isinstance(event, Finished):
                            break

        try:
            await asyncio.gather(*(ask() for _ in range(clients)))
            count = left = max(self.images, 2 * clients)
            started = time.perf_counter()
            await asyncio.gather(*(ask() for _ in range(clients)))
            return count / (time.perf_counter() - started)
        finally:
            await engine.stop()

    def rows(self, **settings: Any) -> Iterator[tuple[int, float, float]]:
        """Rows of a forward, its seconds, and gigabytes at most while it runs."""
        models = bootstrap.load_models(self._settings(**settings))
        model = models.get(models.cards()[0].name)
        plan = limits.settle(
            Request(prompt=PROMPT, steps=50, guidance=GUIDANCE, width=self.size, height=self.size, seed=1), model.card
        )
        for rows in SIZES[1:]:
            yield rows, self._step_seconds(model, plan, rows), self._gigabytes()

    def _step_seconds(self, model: Any, plan: Plan, rows: int) -> float:
        if self._on_card:
            torch.cuda.reset_peak_memory_stats()
        trajectory = model.begin(plan, model.encode(plan), 0)
        for _ in range(_WARM):
            model.step([trajectory], rows=rows)
        started = time.perf_counter()
        for _ in range(_STEPS_TIMED):
            model.step([trajectory], rows=rows)
        return (time.perf_counter() - started) / _STEPS_TIMED

    def _gigabytes(self) -> float:
        return torch.cuda.max_memory_allocated() / 1e9 if self._on_card else 0.0

    @property
    def _on_card(self) -> bool:
        return self.device.startswith("cuda")

    def _settings(self, **settings: Any) -> GpuSettings:
        return GpuSettings(model=str(self.model), device=self.device, **settings)

    def _wait(self) -> None:
        if self._on_card:
            torch.cuda.synchronize()

    def let_go(self) -> None:
        """Give back what the last measurement held."""
        gc.collect()
        if self._on_card:
            torch.cuda.empty_cache()


def main() -> int:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.cuda", description=__doc__)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--images", type=int, default=64, help="images a measurement")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--tiny", action="store_true", help="a checkpoint of some kilobytes, to try this")
    parser.add_argument("--no-compile", action="store_true", help="leave out what is compiled")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if chosen.tiny:
            model = tiny_pipeline.build(Path(scratch), card={"defaults": tiny_pipeline.DEFAULTS})
        else:
            model = folder.build(ROOT / "var" / "bench" / "sd15")
        size = 64 if chosen.tiny else 512
        bench = Bench(model, device=chosen.device, size=size, steps=chosen.steps, images=chosen.images)
        _tables(bench, compiled=not chosen.no_compile)
    return 0


def _tables(bench: Bench, *, compiled: bool) -> None:
    _print("| who draws | images/s |\n|---|--:|")
    for name, batch, compiles in (
        ("bare diffusers, one at a time", 1, False),
        ("bare diffusers, batches of 8", 8, False),
        ("compiled diffusers, one at a time", 1, True),
        ("compiled diffusers, batches of 8", 8, True),
    ):
        if compiled or not compiles:
            _print(f"| {name} | {bench.bare(batch=batch, compiled=compiles):.2f} |")
            bench.let_go()
    for compiles in (False, True) if compiled else (False,):
        for clients in CLIENTS:
            speed = asyncio.run(bench.engine(clients, compile=compiles))
            _print(f"| the engine{', compiled' if compiles else ''}, {clients} clients | {speed:.2f} |")
            bench.let_go()
    _print("\n| option | rows | step, ms | ms a row | GB at most |\n|---|--:|--:|--:|--:|")
    for option, settings in OPTIONS.items():
        if compiled or "compile" not in settings:
            for rows, seconds, gigabytes in bench.rows(**settings):
                _print(f"| {option} | {rows} | {seconds * 1e3:.1f} | {seconds * 1e3 / rows:.2f} | {gigabytes:.2f} |")
            bench.let_go()


def _print(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
