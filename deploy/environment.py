"""`make env`: writes deploy/.env for compose, with a fresh secret for every name that `env.example` leaves empty."""

import os
import secrets
import sys
from pathlib import Path
from typing import Final

EXAMPLE: Final = Path(__file__).with_name("env.example")
TARGET: Final = Path(__file__).with_name(".env")


def filled(example: str) -> str:
    """The example with its empty values drawn; letters and digits only, as some of them stand in URLs."""
    return "".join(
        f"{line.rstrip()}{secrets.token_hex(32)}\n"
        if line.rstrip().endswith("=") and not line.startswith("#")
        else line
        for line in example.splitlines(keepends=True)
    )


def main() -> int:
    """Write it once; an existing one holds secrets in use and stays."""
    try:
        descriptor = os.open(TARGET, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        print(f"{TARGET} is there already and stays as it is.")
        return 0
    with os.fdopen(descriptor, "w") as file:
        file.write(filled(EXAMPLE.read_text()))
    print(f"Wrote {TARGET}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
