"""The timesteps of a training batch cover the whole range and never leave it."""

import torch

from models.diffusion import TIMESTEPS, spread_timesteps


def test_every_part_of_the_range_has_its_timestep() -> None:
    torch.manual_seed(1)

    timesteps = spread_timesteps(10)

    assert sorted(int(each) // 100 for each in timesteps) == list(range(10))


def test_none_lies_behind_the_last_one_however_the_sum_is_rounded() -> None:
    # So many that in the last part every other sum is rounded up, and with this seed it is.
    torch.manual_seed(2)

    timesteps = spread_timesteps(2**24)

    assert int(timesteps.max()) == TIMESTEPS - 1
