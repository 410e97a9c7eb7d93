"""A worker that costs nothing, as a process: `python -m bench.ledger.drawing ADDRESS AUTH_TARGET NOTES`.

It answers every Generate at once with a plain PNG, unless told to take its time, so that what is measured is the ledger
and not a model. Into the file NOTES goes a line for each call that begins and for each step it tells:
`prompt step seconds`, the seconds on the clock that all processes of a machine share.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from daydream.gpu.v1 import inference_pb2

from bench.ledger.peers.telling import tell
from services.foundation.rpc import client
from tests.support.fake_worker import Call, FakeWorker, Script, model

STEPS_AT_MOST = 1000


def script(notes: Path, *, pace: float, together: int = 1) -> Script:
    """`pace` is steps a second; 0 draws at once, a negative one begins and never ends.

    No call goes on before `together` have begun.
    """
    file = notes.open("a", buffering=1)
    all_begun = asyncio.Event()
    begun_calls = 0

    async def draw(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
        begun = time.perf_counter()
        tell(call.request.prompt, begun)
        file.write(f"{call.request.prompt} 0 {begun}\n")
        yield call.admitted()
        nonlocal begun_calls
        begun_calls += 1
        if begun_calls == together:
            all_begun.set()
        await all_begun.wait()
        going = time.perf_counter()
        for message in call.everything()[1:]:
            if message.WhichOneof("event") == "step" and pace:
                if pace < 0:
                    await call.released.wait()
                await asyncio.sleep(max(0.0, going + message.step.step / pace - time.perf_counter()))
                file.write(f"{call.request.prompt} {message.step.step} {time.perf_counter()}\n")
            yield message

    return draw


def read(notes: Path) -> dict[str, dict[int, float]]:
    """When each step of each prompt was told; step 0 is the beginning."""
    found: dict[str, dict[int, float]] = {}
    for line in notes.read_text().splitlines():
        prompt, step, seconds = line.rsplit(" ", 2)
        found.setdefault(prompt, {})[int(step)] = float(seconds)
    return found


def beginnings(notes: Path) -> list[float]:
    """When each call began, whatever its prompt."""
    lines = (line.rsplit(" ", 2) for line in notes.read_text().splitlines())
    return [float(seconds) for _, step, seconds in lines if step == "0"]


async def serve(chosen: argparse.Namespace) -> None:
    """Answer until killed."""
    auth = client.channel(chosen.auth)
    worker = FakeWorker(
        chosen.address,
        slots=chosen.slots,
        script=script(chosen.notes, pace=chosen.pace, together=chosen.together),
        fetch_keys=client.key_fetcher(auth),
    )
    worker.models = [model(chosen.model, max_steps=STEPS_AT_MOST)]
    await worker.start()
    await asyncio.Event().wait()


def main() -> None:
    """Read what is asked for, and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("address")
    parser.add_argument("auth")
    parser.add_argument("notes", type=Path)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--together", type=int, default=1)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
