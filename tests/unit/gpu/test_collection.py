"""Models come when they are asked for; the one not used for longest leaves, but never one that is being drawn with."""

import dataclasses
import threading
from collections.abc import Callable

import pytest

from services.gpu import errors
from services.gpu.models.collection import Library, Loaded, Size, Volume
from tests.support.gpu_model import FakeModel


class Shelf:
    """Models that take ten units each, and four more while they draw."""

    def __init__(self, *names: str, limit: int | None, room: int = 10**9) -> None:
        """The device has room for `room` models, whatever was reckoned."""
        self.loads: list[str] = []
        self.finished_in: list[threading.Thread] = []
        self.may_read = threading.Event()
        self.may_read.set()
        self.releases = 0
        self._room = room
        self.collection = Library([self._volume(name) for name in names], limit=limit, release=self._release)

    @property
    def here(self) -> int:
        """How many are in memory."""
        return len(self.loads) - self.releases

    def _volume(self, name: str) -> Volume:
        return Volume(
            card=FakeModel(name=name).card, size=Size(weights=10, work=4), read=self._loader(name), finish=self._finish
        )

    def _finish(self, loaded: Loaded) -> Loaded:
        self.finished_in.append(threading.current_thread())
        return loaded

    def _loader(self, name: str) -> Callable[[], Loaded]:
        def load() -> Loaded:
            assert self.may_read.wait(10)
            if self.here >= self._room:
                raise errors.OutOfMemory
            self.loads.append(name)
            model = FakeModel(name=name)
            model.card = dataclasses.replace(model.card, title=f"{name}, measured")
            return Loaded(model=model, size=Size(weights=10, work=4))

        return load

    def _release(self) -> None:
        self.releases += 1


def test_every_model_is_known_before_it_is_loaded_and_the_first_is_the_default() -> None:
    shelf = Shelf("a", "b", limit=None)

    assert [card.name for card in shelf.collection.cards()] == ["a", "b"]
    assert shelf.loads == []


def test_a_model_is_loaded_once_and_its_measured_card_is_told() -> None:
    shelf = Shelf("a", "b", limit=None)

    model = shelf.collection.get("b")

    assert shelf.collection.get("b") is model
    assert shelf.loads == ["b"]
    assert [card.title for card in shelf.collection.cards()] == ["Fake", "b, measured"]


def test_the_least_recently_used_leaves_when_memory_is_short() -> None:
    shelf = Shelf("a", "b", "c", limit=24)
    for name in ("a", "b", "a", "c", "a"):
        shelf.collection.get(name)

    assert shelf.loads == ["a", "b", "c"]
    assert shelf.releases == 1
    shelf.collection.get("b")
    assert shelf.loads == ["a", "b", "c", "b"]


def test_a_model_that_is_being_drawn_with_stays() -> None:
    shelf = Shelf("a", "b", "c", limit=24)
    pinned = shelf.collection.get("a")
    shelf.collection.pin("a")
    shelf.collection.get("b")

    shelf.collection.get("c")

    assert shelf.collection.get("a") is pinned
    assert shelf.loads == ["a", "b", "c"]


def test_where_only_models_in_use_could_leave_there_is_no_room_and_nothing_changes() -> None:
    shelf = Shelf("a", "b", limit=20)
    first = shelf.collection.get("a")
    shelf.collection.pin("a")

    with pytest.raises(errors.OutOfMemory, match="b has no room beside those"):
        shelf.collection.get("b")

    assert shelf.collection.get("a") is first
    shelf.collection.unpin("a")
    shelf.collection.get("b")
    assert shelf.here == 1


def test_a_model_pinned_twice_stays_until_it_is_unpinned_twice() -> None:
    shelf = Shelf("a", "b", limit=20)
    shelf.collection.get("a")
    shelf.collection.pin("a")
    shelf.collection.pin("a")
    shelf.collection.unpin("a")

    with pytest.raises(errors.OutOfMemory):
        shelf.collection.get("b")


def test_while_one_draws_the_others_need_room_for_their_weights_alone() -> None:
    shelf = Shelf("a", "b", "c", limit=34)

    for name in ("a", "b", "c"):
        shelf.collection.get(name)

    assert shelf.here == 3


def test_a_model_too_large_for_the_limit_is_tried_alone() -> None:
    shelf = Shelf("a", "b", limit=5)

    shelf.collection.get("a")
    shelf.collection.get("b")

    assert shelf.loads == ["a", "b"]
    assert shelf.here == 1


def test_a_device_that_turns_out_to_be_full_makes_others_leave() -> None:
    shelf = Shelf("a", "b", limit=None, room=1)
    shelf.collection.get("a")

    shelf.collection.get("b")

    assert shelf.loads == ["a", "b"]
    assert shelf.here == 1


def test_a_device_without_room_for_a_single_model_is_a_sentence() -> None:
    shelf = Shelf("a", limit=None, room=0)

    with pytest.raises(errors.ModelUnusable, match="The model a cannot be used here"):
        shelf.collection.get("a")


def test_a_model_that_cannot_be_loaded_leaves_the_others_as_they_are() -> None:
    def fail() -> Loaded:
        raise errors.ModelUnusable("It is broken.")

    good = Shelf("a", limit=None)
    volume = Volume(
        card=FakeModel(name="b").card, size=Size(weights=1, work=1), read=fail, finish=lambda loaded: loaded
    )
    library = Library([*[good._volume("a")], volume], limit=None, release=lambda: None)
    first = library.get("a")

    with pytest.raises(errors.ModelUnusable, match="It is broken"):
        library.get("b")

    assert library.get("a") is first


def test_a_name_that_is_not_there_is_not_found() -> None:
    with pytest.raises(errors.ModelNotFound):
        Shelf("a", limit=None).collection.get("b")


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(errors.ModelUnusable, match="two models of one name: a, a"):
        Shelf("a", "a", limit=None)


def test_a_library_without_models_is_refused() -> None:
    with pytest.raises(errors.ModelUnusable, match="names no model"):
        Shelf(limit=None)


def test_a_model_is_read_beside_the_drawing_and_finished_in_its_thread() -> None:
    shelf = Shelf("a", "b", limit=None)
    shelf.may_read.clear()
    heard = threading.Event()
    shelf.collection.listen(heard.set)

    first = [shelf.collection.ask("a"), shelf.collection.ask("a"), shelf.collection.ask("b")]
    shelf.may_read.set()
    assert heard.wait(10)

    assert first == [None, None, None]
    assert shelf.collection.ask("a") is not None
    assert shelf.finished_in == [threading.current_thread()]
    assert shelf.collection.get("b").card.name == "b"
    assert shelf.loads == ["a", "b"]


def test_a_model_nobody_waits_for_any_more_hinders_no_other() -> None:
    shelf = Shelf("a", "b", limit=None, room=1)
    shelf.may_read.clear()
    heard = threading.Event()
    shelf.collection.listen(heard.set)
    assert shelf.collection.ask("a") is None

    shelf.may_read.set()
    assert heard.wait(10)

    assert shelf.collection.get("b").card.name == "b"
    assert (shelf.loads, shelf.releases) == (["a", "b"], 1)
