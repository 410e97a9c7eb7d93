"""What `make run` keeps in the data folder: a lock, the services' secrets, the first staff account's sign-in."""

import contextlib
import dataclasses
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy import processes
from deploy.refusal import CannotRun

STAFF_EMAIL: Final = "staff@daydream.local"


@contextlib.contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the data folder for ourselves; two runs on one SQLite file would be two writers."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / "run.lock").open("a+")
    except OSError as error:
        raise CannotRun(f"The data folder {data} cannot be written: {error.strerror}.") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotRun(f"Daydream is already running with the data folder {data}.") from error
        yield


def _write_private(path: Path, content: dict[str, str]) -> None:
    """Write JSON that only its owner reads; whole or not at all."""
    aside = path.with_suffix(".new")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def read_secrets(data: Path) -> processes.Secrets:
    """The services' secrets, drawn at the first start; those of a service that came later at the first one with it."""
    path = data / "secrets.json"
    drawn = {each.name: secrets.token_urlsafe(32) for each in dataclasses.fields(processes.Secrets)}
    try:
        kept = json.loads(path.read_text()) if path.exists() else {}
        known = processes.Secrets(**{**drawn, **kept})
    except (ValueError, TypeError) as error:
        raise CannotRun(f"{path} is damaged; remove it and new secrets are drawn.") from error
    if set(kept) != set(drawn):
        _write_private(path, dataclasses.asdict(known))
    return known


class FirstRun:
    """The first staff account's sign-in: written once, and before the account is made.

    So a crash between the two leaves nothing that the next start does not finish.
    """

    def __init__(self, data: Path, url: str) -> None:
        """Read it, or draw it and write it. Raises CannotRun for a file that cannot be read."""
        self.path = data / "first-run.json"
        self.is_new = not self.path.exists()
        if self.is_new:
            drawn = {
                "url": url,
                "email": STAFF_EMAIL,
                "password": secrets.token_urlsafe(12),
                "api_key": f"dd_{secrets.token_urlsafe(32)}",
            }
            _write_private(self.path, drawn)
        try:
            account = json.loads(self.path.read_text())
            self.email, self.password, self.api_key = (str(account[key]) for key in ("email", "password", "api_key"))
        except (ValueError, TypeError, KeyError) as error:
            raise CannotRun(f"{self.path} is damaged; remove it, your account stays as it is.") from error

    def sign_in(self, *, account_is_new: bool) -> str:
        """How to sign in, in words. Whoever deleted the file keeps the password they have, and gets no false one."""
        if self.is_new and not account_is_new:
            self.path.unlink()
            return f"sign in as {self.email} as before"
        password = self.password if self.is_new else f"as in {self.path}"
        return f"sign in as {self.email}, password {password}"
