"""The states of a task."""

import pytest

from services.tasks.states import NEXT, State, require


def test_a_terminal_state_is_never_left() -> None:
    ended = {state for state in State if state.ended}

    assert ended == {State.SUCCEEDED, State.FAILED, State.CANCELLED}
    assert all(not NEXT[state] for state in ended)


def test_every_state_leads_to_an_end() -> None:
    def ends(state: State, seen: frozenset[State]) -> bool:
        return state.ended or any(ends(each, seen | {each}) for each in NEXT[state] - seen)

    assert all(ends(state, frozenset({state})) for state in State)


def test_only_waiting_states_take_a_place_in_the_queue() -> None:
    assert {state for state in State if state.waits} == {State.PENDING, State.QUEUED}


@pytest.mark.parametrize("old", State)
@pytest.mark.parametrize("new", State)
def test_a_way_that_does_not_exist_is_refused(old: State, new: State) -> None:
    if new in NEXT[old]:
        require(old, new)
    else:
        with pytest.raises(ValueError, match="never goes from"):
            require(old, new)
