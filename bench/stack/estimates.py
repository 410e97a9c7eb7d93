"""`python -m bench.stack.estimates`: what waiting people are told, beside what then happens, with the real worker.

Twenty tasks come at once, of one kind first and then of various steps and sizes of batch, as many as one person may
have waiting. Each is told when it will start; its `started_at` says when it did. What counts is how far off the time
told was, as a share of the time waited, for those that waited over a second.
"""

import argparse
import random
import statistics
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx

from tests.support.stack import Stack, temporary_data

TASKS: Final = 20
MIXES: Final[dict[str, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "alike: 20 steps": ((20,), (1,)),
    "4, 20 or 50 steps": ((4, 20, 50), (1,)),
    "20 steps, 1 to 4 images": ((20,), (1, 2, 4)),
}
_WORTH_TELLING: Final = 1.0


def main() -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    print("| tasks | waited, s (longest) | told too early or late, median | at most |")
    print("|---|--:|--:|--:|")
    # Few slots, so that there is a line: as many as two forwards hold would take every task at once.
    with temporary_data() as data:
        stack = Stack(Path(data), {"GPU_SLOTS": "4", "TASKS_QUEUE_LIMIT_PER_USER": str(2 * TASKS)}).wait()
        try:
            headers = {"Authorization": f"Bearer {stack.api_key}"}
            with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as client:
                for name, (steps, samples) in MIXES.items():
                    off, waited = [], []
                    for number in range(chosen.rounds):
                        for told, real in _round(client, steps, samples, chosen.size, seed=number):
                            off.append(told / real - 1)
                            waited.append(real)
                    far = [abs(each) for each in off]
                    print(f"| {name} | {max(waited):.1f} | {statistics.median(far):.0%} | {max(far):.0%} |", flush=True)
        finally:
            stack.stop()


def _round(
    client: httpx.Client, steps: tuple[int, ...], samples: tuple[int, ...], size: int, *, seed: int
) -> list[tuple[float, float]]:
    dice = random.Random(seed)  # noqa: S311 (a mix, not a secret)
    asked: list[dict[str, Any]] = [
        {
            "prompt": "a red house",
            "steps": dice.choice(steps),
            "samples": dice.choice(samples),
            "width": size,
            "height": size,
        }
        for _ in range(TASKS)
    ]
    answers = [client.post("/api/v1/tasks", json=each).raise_for_status().json() for each in asked]
    # Told again once all of them stand in line: more than one came while the first were answered.
    said = {}
    for answer in answers:
        task = client.get(f"/api/v1/tasks/{answer['id']}").raise_for_status().json()
        if "starts_in_seconds" in task:
            said[task["id"]] = (time.time(), task["starts_in_seconds"])
    found = []
    for answer in answers:
        task = _ended(client, answer["id"])
        if task["id"] in said:
            at, told = said[task["id"]]
            real = datetime.fromisoformat(task["started_at"]).timestamp() - at
            if real > _WORTH_TELLING:
                found.append((told, real))
    assert found, "nothing waited longer than a second"
    return found


def _ended(client: httpx.Client, task_id: str) -> dict[str, Any]:
    while True:
        task: dict[str, Any] = client.get(f"/api/v1/tasks/{task_id}").raise_for_status().json()
        if task["state"] in {"SUCCEEDED", "FAILED", "CANCELLED"}:
            return task
        # Between looks at a task that takes seconds.
        time.sleep(0.25)


if __name__ == "__main__":
    main()
