"""Trains one network in several processes that average their gradients.

On a busy processor two threads of one process wait for each other at every operation, while two processes of one thread
each meet only once a step. With one process nothing is averaged and no group is formed.
"""

import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


@dataclass(frozen=True, kw_only=True)
class Team:
    """One process among those that train together.

    rank: this process's number, from 0.
    size: how many there are.
    device: where this process computes.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes checkpoints and logs."""
        return self.rank == 0

    def share(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Give every process the leader's weights."""
        if self.size > 1:
            for parameter in parameters:
                dist.broadcast(parameter.data, 0)

    def average_gradients(self, parameters: Iterable[torch.nn.Parameter], progress: float) -> float:
        """Average the gradients in place, and return the mean of `progress` over the team.

        The progress travels with the gradients, so that all processes see the same number and stop at the same step
        although their clocks differ.
        """
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if self.size == 1:
            return progress
        flat = torch.cat([gradient.reshape(-1).float() for gradient in gradients] + [torch.tensor([progress])])
        dist.all_reduce(flat)
        flat /= self.size
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()
        return float(flat[-1])


def run(work: Callable[[Team], None], processes: int) -> None:
    """Run `work` in a team of `processes`; on a GPU, in this process alone."""
    if torch.cuda.is_available():
        work(Team(rank=0, size=1, device=torch.device("cuda")))
        return
    torch.set_num_threads(1)
    if processes == 1:
        work(Team(rank=0, size=1, device=torch.device("cpu")))
        return
    with tempfile.TemporaryDirectory() as folder:
        spawn: Any = mp.spawn  # type: ignore[attr-defined]  # exported, though its module does not say so
        spawn(_member, args=(work, processes, str(Path(folder) / "meeting")), nprocs=processes)


def _member(rank: int, work: Callable[[Team], None], size: int, meeting: str) -> None:
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    work(Team(rank=rank, size=size, device=torch.device("cpu")))
    dist.destroy_process_group()
