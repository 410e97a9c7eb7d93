"""A short soak; `make soak` is the long one."""

from pathlib import Path

import pytest

from tests.soak.run import soak

pytestmark = [pytest.mark.slow, pytest.mark.patient]


async def test_a_studio_in_use_of_which_a_part_dies_every_five_seconds_breaks_no_promise(tmp_path: Path) -> None:
    result = await soak(tmp_path, seconds=25, seed=7)

    assert result.violations == []
    assert result.ends["SUCCEEDED"] > 0
    assert sum(result.done.values()) >= 4
