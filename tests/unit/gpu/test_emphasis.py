"""Weights in prompts are read as the users of Stable Diffusion's web pages write them, and stray brackets are text."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gpu.diffusion import emphasis


def read(prompt: str) -> list[tuple[str, float]]:
    """Texts with their weights, rounded."""
    return [(fragment.text, round(fragment.weight, 3)) for fragment in emphasis.read(prompt)]


@pytest.mark.parametrize(
    ("prompt", "fragments"),
    [
        ("", [("", 1)]),
        ("a red house", [("a red house", 1)]),
        ("a (red) house", [("a ", 1), ("red", 1.1), (" house", 1)]),
        ("a [red] house", [("a ", 1), ("red", 0.909), (" house", 1)]),
        ("a (red:1.5) house", [("a ", 1), ("red", 1.5), (" house", 1)]),
        ("((red))", [("red", 1.21)]),
        ("[[red]]", [("red", 0.826)]),
        ("([red])", [("red", 1)]),
        ("((red:1.5) house:2)", [("red", 3), (" house", 2)]),
        ("(red: 1.3 )", [("red", 1.3)]),
        ("(red:.5)", [("red", 0.5)]),
        ("(red:0)", [("red", 0)]),
        ("(red:99)", [("red", 4)]),
        (r"\(red\) \[blue\] \\", [(r"(red) [blue] " + "\\", 1)]),
        (r"(a \(red\) house:1.2)", [("a (red) house", 1.2)]),
    ],
)
def test_weights_are_read(prompt: str, fragments: list[tuple[str, float]]) -> None:
    assert read(prompt) == fragments


@pytest.mark.parametrize("prompt", ["a :( house", "a house :)", "red) (blue", "1:1.5", "a:b", "[", "a \\ b", "(", ")]"])
def test_what_is_no_weight_stays_text(prompt: str) -> None:
    assert read(prompt) == [(prompt, 1)]


def test_a_bracket_left_open_inside_a_pair_is_text_of_the_pair() -> None:
    assert read("(a [b) c") == [("a [b", 1.1), (" c", 1)]


def test_a_number_that_does_not_end_its_pair_is_text() -> None:
    assert read("(at 1:2 scale) [red:1.5]") == [("at 1:2 scale", 1.1), (" ", 1), ("red:1.5", 0.909)]


@given(st.text(alphabet="ab ()[]:\\.0159", max_size=40))
def test_any_text_has_weights_that_can_be_drawn(prompt: str) -> None:
    fragments = emphasis.read(prompt)

    assert fragments
    assert all(0 <= fragment.weight <= emphasis.MOST for fragment in fragments)
    assert all(a.weight != b.weight for a, b in itertools.pairwise(fragments))


@given(st.text(alphabet="ab ,.!", max_size=40))
def test_a_text_without_brackets_goes_through_as_it_is(prompt: str) -> None:
    assert emphasis.read(prompt) == (emphasis.Fragment(text=prompt, weight=1.0),)
