"""Trains the bundled model: `python -m models.train STAGE`, the stages in order.

Every stage leaves one checkpoint with its optimiser and its place in the schedule, and goes on from it when it is
started again. A CUDA device is used where there is one, else as many one-thread processes as asked for.
"""

import argparse
from functools import partial
from pathlib import Path

from models import autoencoder, denoiser, parallel, text
from models.schedule import Pace

STAGES = {"autoencoder": autoencoder.train, "text": text.train, "denoiser": denoiser.train}
STEPS = {"autoencoder": 6_000, "text": 6_000, "denoiser": 20_000}
MINUTES = {"autoencoder": 35.0, "text": 4.0, "denoiser": 60.0}


def main() -> None:
    """Read the command line and train one stage."""
    parser = argparse.ArgumentParser(prog="python -m models.train", description="Train one stage of the bundled model.")
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--folder", type=Path, default=Path("var/models"), help="checkpoints and logs")
    parser.add_argument("--minutes", type=float, help="time for the stage, over all its runs")
    parser.add_argument("--steps", type=int, help="steps for the stage, over all its runs")
    parser.add_argument("--begin", type=Path, help="a finished model whose weights a first run starts from")
    parser.add_argument("--processes", type=int, default=2, help="processes on a CPU, one thread each")
    args = parser.parse_args()

    args.folder.mkdir(parents=True, exist_ok=True)
    pace = Pace(steps=args.steps or STEPS[args.stage], minutes=args.minutes or MINUTES[args.stage])
    parallel.run(partial(_train, stage=args.stage, folder=args.folder, pace=pace, begin=args.begin), args.processes)


def _train(team: parallel.Team, stage: str, folder: Path, pace: Pace, begin: Path | None) -> None:
    STAGES[stage](team, folder, pace, begin)


if __name__ == "__main__":
    main()
