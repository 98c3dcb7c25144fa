"""Responses are kept within bounds, each for its owner."""

from hypothesis import given
from hypothesis import strategies as st

from isthmus.storage.responses import Kept, ResponseStore

SMALL = Kept(document=b"{}", input=[], output=[])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def new_store(capacity: int = 10_000, clock=None) -> ResponseStore:
    return ResponseStore(capacity=capacity, lifetime=60, clock=clock or Clock())


def test_what_was_kept_is_found_by_its_owner_alone():
    store = new_store()
    assert store.keep("me", "a", SMALL)
    assert store.find("me", "a") is SMALL
    assert store.find("you", "a") is None


def test_what_was_forgotten_is_gone():
    store = new_store()
    store.keep("me", "a", SMALL)
    assert not store.forget("you", "a")
    assert store.forget("me", "a")
    assert not store.forget("me", "a")
    assert store.find("me", "a") is None


def test_what_is_too_old_is_gone():
    clock = Clock()
    store = new_store(clock=clock)
    store.keep("me", "a", SMALL)
    clock.now = 59.9
    assert store.find("me", "a") is SMALL
    clock.now = 60.0
    assert store.find("me", "a") is None


def test_the_oldest_make_room():
    store = new_store(capacity=3 * SMALL.size)
    for name in "abcd":
        store.keep("me", name, SMALL)
    assert [store.find("me", name) is not None for name in "abcd"] == [False, True, True, True]


def test_what_is_too_large_is_not_kept_and_takes_nobodys_place():
    store = new_store(capacity=2 * SMALL.size)
    store.keep("me", "a", SMALL)
    assert not store.keep("me", "b", Kept(document=b"x" * 5000, input=[], output=[]))
    assert store.find("me", "a") is SMALL


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 3000)), max_size=30))
def test_all_together_never_take_more_than_allowed(kept):
    store = new_store(capacity=8000)
    held: dict[str, Kept] = {}
    for name, size in kept:
        held[name] = Kept(document=b"x" * size, input=[b"i"], output=[])
        store.keep("me", name, held[name])
    there = [one for name, one in held.items() if store.find("me", name) is one]
    assert sum(one.size for one in there) <= 8000
    assert not kept or store.find("me", kept[-1][0]) is held[kept[-1][0]]
