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


def lacking(existing: str, example: str) -> str:
    """Lines for the secrets that the example has and an existing file does not: of services that came later."""
    known = {line.partition("=")[0] for line in existing.splitlines()}
    secret = (line for line in example.splitlines() if line.endswith("=") and not line.startswith("#"))
    return filled("".join(f"{line}\n" for line in secret if line.removesuffix("=") not in known))


def main() -> int:
    """Write it; what an existing one says is in use and stays, and only what it lacks is added."""
    example = EXAMPLE.read_text()
    try:
        descriptor = os.open(TARGET, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _complete(lacking(TARGET.read_text(), example))
    with os.fdopen(descriptor, "w") as file:
        file.write(filled(example))
    print(f"Wrote {TARGET}.")
    return 0


def _complete(lines: str) -> int:
    if not lines:
        print(f"{TARGET} is there already and stays as it is.")
        return 0
    with TARGET.open("a") as file:
        file.write(f"\n{lines}")
    names = ", ".join(line.partition("=")[0] for line in lines.splitlines())
    print(f"{TARGET} is there already; added {names}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
