"""Imports plugins that are new in a process of its own first: one that ends the process, or never ends, is found there.

What was tried is remembered by the digest of its files. An exception is nobody's concern here: the host sees it itself
when it imports the plugin. Run as a program, this is the process that tries: it reads a list on standard input and
says which plugin it begins with, and which it is done with.
"""

import contextlib
import hashlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from qhana_plugin_runner.util.plugin_importing import import_from

Tried = tuple[str, str, Path]
"""The folder for sys.path, the module's name, the file or folder."""


def try_out(candidates: Sequence[Tried], *, remembered: Path, seconds: float) -> dict[Path, str]:
    """Which of them cannot be imported into this process, and why; `seconds` for each, none are tried with 0."""
    if seconds <= 0 or not candidates:
        return {}
    known = _recall(remembered)
    digests = {source: _digest(source) for _, _, source in candidates}
    new = [each for each in candidates if digests[each[2]] not in known]
    results: dict[Path, str] = {}
    while new:
        done, culprit, why = _run(new, seconds)
        results |= dict.fromkeys((each[2] for each in new[:done]), "")
        if culprit is None:
            break
        results[culprit] = why
        new = new[done + 1 :]
    known |= {digests[source]: why for source, why in results.items()}
    if results:
        _remember(remembered, known)
    return {source: known[digests[source]] for _, _, source in candidates if known.get(digests[source])}


def _run(new: Sequence[Tried], seconds: float) -> tuple[int, Path | None, str]:
    """How many went well, the one that did not, and why."""
    asked = json.dumps([[folder, module, str(source)] for folder, module, source in new])
    with subprocess.Popen(
        [sys.executable, "-m", "qhana_plugin_runner.util.plugin_probe"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # Whoever is killed at once leaves a broken pipe; what it said before counts.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(asked)
            process.stdin.close()
        done = 0
        try:
            for _ in _lines(process.stdout, seconds):
                done += 1
        except TimeoutError:
            process.kill()
            return done, new[done][2], f"its import did not end within {seconds:g} s"
        finally:
            process.wait()
    if done == len(new):
        return done, None, ""
    return done, new[done][2], f"its import ended the process (exit code {process.returncode})"


def _lines(stream: IO[str], seconds: float) -> Iterator[str]:
    # The time begins anew with each line. Descriptors rather than `readline`, which would keep lines to itself.
    descriptor = stream.fileno()
    rest = b""
    until = time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            raise TimeoutError
        piece = os.read(descriptor, 4096)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            until = time.monotonic() + seconds
            yield line.decode()


def _digest(source: Path) -> str:
    digest = hashlib.sha256(sys.version.encode())
    files = sorted(source.rglob("*.py")) if source.is_dir() else [source]
    for file in files:
        digest.update(str(file).encode())
        # A file that cannot be read fails on import as well, which is where that is told.
        with contextlib.suppress(OSError):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _recall(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(why) for key, why in found.items()} if isinstance(found, dict) else {}


def _remember(file: Path, known: dict[str, str]) -> None:
    # Forgetting only means to try again.
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.write_text(json.dumps(known, indent=1), encoding="utf-8")
        fresh.replace(file)


def main() -> None:
    """Import what standard input names, one after the other; a line for each that was lived through."""
    asked: list[list[Any]] = json.loads(sys.stdin.read())
    # What plugins print must not count as a line of ours.
    said = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for folder, module, source in asked:
        with contextlib.suppress(Exception, SystemExit):
            import_from(folder, module, Path(source))
        said.write(f"{module}\n")
        said.flush()
    # What plugins registered to run at the end must not hold this process.
    os._exit(0)


if __name__ == "__main__":
    main()
