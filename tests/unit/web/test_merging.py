"""Several logs as one: in order, each line once, and every page goes on where the one before ended."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.web import merging
from services.web.merging import BadCursor, Line, Read


def log_of(lines: list[Line], *, at_once: int = 3) -> Read:
    """A log as a service pages it: a token names the line that the page begins after, so additions move nothing."""

    async def read(token: str) -> tuple[list[Line], str]:
        newest_first = sorted(lines, key=lambda line: (line.at, line.line_id), reverse=True)
        begin = [line.line_id for line in newest_first].index(token) + 1 if token else 0
        page = newest_first[begin : begin + at_once]
        more = page[-1].line_id if begin + at_once < len(newest_first) else ""
        return page, more

    return read


async def all_pages(logs: list[Read], size: int) -> list[list[str]]:
    pages, cursor = [], ""
    while True:
        lines, cursor = await merging.page(logs, cursor, size)
        pages.append([line.line_id for line in lines])
        if not cursor:
            return pages


TIMES = st.lists(st.integers(0, 20), max_size=25)


@settings(max_examples=60)
@given(one=TIMES, other=TIMES, size=st.integers(1, 7), at_once=st.integers(1, 9))
async def test_every_line_comes_once_and_in_order(one: list[int], other: list[int], size: int, at_once: int) -> None:
    a = [Line(line_id=f"a{number}", at=at) for number, at in enumerate(one)]
    b = [Line(line_id=f"b{number}", at=at) for number, at in enumerate(other)]

    pages = await all_pages([log_of(a, at_once=at_once), log_of(b, at_once=at_once)], size)

    told = [line_id for page in pages for line_id in page]
    expected = sorted([*a, *b], key=lambda line: (line.at, line.line_id), reverse=True)
    assert told == [line.line_id for line in expected]
    assert all(len(page) == size for page in pages[:-1])


async def test_a_line_that_stands_in_two_logs_is_told_once() -> None:
    both = [Line(line_id=f"both{number}", at=number) for number in range(5)]
    one = [*both, Line(line_id="mine", at=2)]

    pages = await all_pages([log_of(both), log_of(one)], 2)

    assert pages == [["both4", "both3"], ["mine", "both2"], ["both1", "both0"]]


@pytest.mark.parametrize("additions", [1, 4, 40])
async def test_what_comes_in_between_two_pages_moves_nothing(additions: int) -> None:
    a = [Line(line_id=f"a{number}", at=number) for number in range(6)]
    logs = [log_of(a), log_of([Line(line_id="b", at=3)])]
    first, cursor = await merging.page(logs, "", 3)

    a.extend(Line(line_id=f"new{number}", at=100 + number) for number in range(additions))
    second, cursor = await merging.page(logs, cursor, 3)
    third, cursor = await merging.page(logs, cursor, 3)

    told = [[line.line_id for line in each] for each in (first, second, third)]
    assert told == [["a5", "a4", "b"], ["a3", "a2", "a1"], ["a0"]]
    assert cursor == ""


async def test_where_the_last_line_is_gone_lines_are_rather_told_twice_than_never() -> None:
    a = [Line(line_id=f"a{number}", at=number) for number in range(4)]
    logs = [log_of(a)]
    _, cursor = await merging.page(logs, "", 2)

    a.remove(a[2])
    rest, _ = await merging.page(logs, cursor, 9)

    assert [line.line_id for line in rest] == ["a3", "a1", "a0"]


# JSON can spell half of a character, which no message can carry on.
HALF = base64.b64encode(b'[["\\ud800",""],["",""]]').decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "bm9wZQ==",
        base64.b64encode(b"[1,2]").decode(),
        base64.b64encode(b'[["",""]]').decode(),
        HALF,
        "ü",
        "A" * 5000,
    ],
)
async def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        await merging.page([log_of([]), log_of([])], cursor, 5)
