"""What the text encoder made of prompts is kept while it is used, the empty prompt's always."""

import pytest

from services.gpu.diffusion.embeddings import Embeddings


def made(kept: Embeddings[str], key: str) -> bool:
    """Whether the value had to be made."""
    asked: list[str] = []

    def make() -> str:
        asked.append(key)
        return f"value of {key}"

    assert kept.get(key, make) == f"value of {key}"
    return bool(asked)


def test_what_was_not_used_for_longest_leaves_first() -> None:
    kept: Embeddings[str] = Embeddings(held="", places=2)
    made(kept, "a")
    made(kept, "b")
    made(kept, "a")
    made(kept, "c")

    assert not made(kept, "a")
    assert not made(kept, "c")
    assert made(kept, "b")


def test_the_held_one_never_leaves() -> None:
    kept: Embeddings[str] = Embeddings(held="", places=1)
    made(kept, "")
    made(kept, "a")
    made(kept, "b")

    assert not made(kept, "")


def test_what_could_not_be_made_is_made_the_next_time() -> None:
    kept: Embeddings[str] = Embeddings(held="")

    def fail() -> str:
        raise ValueError("no such words")

    for key in ("", "a"):
        with pytest.raises(ValueError, match="no such words"):
            kept.get(key, fail)

        assert made(kept, key)
