"""What following a drawing needs of other services; `peers` has it, and tests stand in for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import IO, Any, Protocol

from daydream.tasks.v1 import tasks_pb2


class Ledger(Protocol):
    """As `peers.ledger.Ledger`; every method raises DaydreamErrors."""

    async def submit(self, token: str, request_id: str, parameters: Mapping[str, Any]) -> tasks_pb2.Task:
        """Ask for a generation."""
        ...

    async def cancel(self, token: str, task_id: str) -> None:
        """Stop one."""
        ...

    def watch(self, token: str, task_id: str, after: int) -> AbstractAsyncContextManager[AsyncIterator[tasks_pb2.Task]]:
        """Follow one to its end."""
        ...

    async def upload(self, token: str, picture: IO[bytes]) -> str:
        """Bring a picture to begin from."""
        ...

    async def download(self, token: str, image_id: str, to: Path) -> None:
        """Write an image's file."""
        ...


class Grants(Protocol):
    """The part of `peers.grants.Grants` that is about delegations."""

    async def create_delegation(self, subject_token: str, reference: str) -> str:
        """The id of a delegation."""
        ...

    async def issue_delegated_token(self, delegation_id: str) -> str:
        """A token of it."""
        ...

    async def end_delegation(self, delegation_id: str) -> None:
        """End it."""
        ...
