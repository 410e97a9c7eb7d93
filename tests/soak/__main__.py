"""`python -m tests.soak`, or `make soak`: a studio of real processes in use, of which one dies every five seconds.

SOAK_SECONDS (600) is how long, SOAK_SEED (1) decides who dies and what people do. In the end everything runs again, and
once the ledger rests every invariant is looked at. Prints tasks, kills, how the tasks ended, and each violation; exits
with 0 without one. The logs of a soak with violations are copied to SOAK_LOGS, if that names a folder.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from tests.soak.run import soak


def main() -> int:
    """Soak, and say what came of it."""
    seconds, seed = float(os.environ.get("SOAK_SECONDS", "600")), int(os.environ.get("SOAK_SEED", "1"))
    with tempfile.TemporaryDirectory(prefix="daydream-soak-") as folder:
        result = asyncio.run(soak(Path(folder), seconds=seconds, seed=seed))
        print(result.told())
        if result.violations and (kept := os.environ.get("SOAK_LOGS")):
            for log in (Path(folder) / "data").glob("*.log"):
                (Path(kept) / log.name).write_bytes(log.read_bytes())
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
