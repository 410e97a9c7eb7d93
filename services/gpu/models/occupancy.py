"""How much memory is in use: told to staff, so what cannot be read is 0 rather than an error."""

import os
from pathlib import Path
from typing import Final

import torch

from services.gpu.card import Memory

_STATM: Final = Path("/proc/self/statm")
_CGROUP: Final = Path("/sys/fs/cgroup/memory.max")


def of_process(*, limit: int | None, statm: Path = _STATM, cgroup: Path = _CGROUP) -> Memory:
    """What this process holds in memory, of `limit` bytes; where there is no limit, of what the machine gives it."""
    try:
        pages = int(statm.read_text().split()[1])
        total = limit or min(_allowed(cgroup), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        return Memory(used=pages * os.sysconf("SC_PAGE_SIZE"), total=total)
    except (OSError, ValueError, IndexError):
        # Only Linux tells in this way.
        return Memory()


def _allowed(cgroup: Path) -> int:
    try:
        return int(cgroup.read_text())
    except (OSError, ValueError):
        return 2**62


def of_accelerator(device: torch.device) -> Memory:
    """What anybody holds in an NVIDIA card's memory."""
    try:
        free, total = torch.cuda.mem_get_info(device)
    except RuntimeError:
        # Lost, which is told where something is drawn.
        return Memory()
    return Memory(used=total - free, total=total)
