"""Tasks are found by words of their prompt, on both databases."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from services.foundation import errors
from tests.support.fake_worker import FakeWorker, draw_when_released
from tests.support.ledger import Studio, running


async def test_a_search_finds_what_prompts_contain_in_any_case(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada, grace = studio.person("ada"), studio.person("grace")
        made = [
            (await ada.submit(prompt)).task_id
            for prompt in ("A red boat", "100% red_wine", "a blue boat", "Red, a Boat\nat night")
        ]
        await grace.submit("a red boat of hers")

        async def found(query: str, **asked: Any) -> Sequence[int]:
            return [made.index(task.task_id) for task in (await ada.list(query=query, **asked)).tasks]

        first = await ada.list(query="BOAT", page_size=2)
        rest = await found("BOAT", page_size=2, page_token=first.next_page_token)

        assert [made.index(task.task_id) for task in first.tasks] == [3, 2]
        assert rest == [0]
        assert await found(" red ") == [3, 1, 0]
        assert (await found("%"), await found("_"), await found("/"), await found("\\")) == ([1], [1], [], [])
        assert await found("red", session_id="session-2") == []
        for wrong in ("x" * 513, "a\x00b"):
            with pytest.raises(errors.InvalidInput):
                await ada.list(query=wrong)


async def test_tasks_that_are_named_are_read_in_one_call_and_others_are_left_out(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada, grace = studio.person("ada"), studio.person("grace")
        first, second, third = [(await ada.submit(prompt)).task_id for prompt in ("one", "two", "three")]
        hers = (await grace.submit("hers")).task_id

        found = await ada.list(task_ids=[first, hers, third, "never-made"])

        assert [task.task_id for task in found.tasks] == [third, first]
        assert second not in {task.task_id for task in found.tasks}
        for wrong in (["an id with blanks"], [first] * 101):
            with pytest.raises(errors.InvalidInput):
                await ada.list(task_ids=wrong)
