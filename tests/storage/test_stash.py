"""What is stashed is found by its owner, for a day, while there is room."""

from isthmus.storage.stash import LARGEST, LIFETIME, MemoryStash


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_entry_is_found_by_tenant_account_and_conversation_only():
    stash = MemoryStash(Clock())
    stash.put("t", "a", b"c", b"content")
    assert stash.get("t", "a", b"c") == b"content"
    for other in (("x", "a", b"c"), ("t", "x", b"c"), ("t", "a", b"x"), ("ta", "", b"c")):
        assert stash.get(*other) is None


def test_entry_lives_for_a_day():
    clock = Clock()
    stash = MemoryStash(clock)
    stash.put("t", "a", b"c", b"content")
    clock.now = LIFETIME
    assert stash.get("t", "a", b"c") == b"content"
    clock.now += 1
    assert stash.get("t", "a", b"c") is None
    assert stash.size == 0


def test_least_recently_used_entries_make_room():
    stash = MemoryStash(Clock(), capacity=3 * 1256)
    for name in (b"1", b"2", b"3"):
        stash.put("t", "a", name, bytes(1000))
    stash.get("t", "a", b"1")
    stash.put("t", "a", b"4", bytes(1000))
    assert [name for name in (b"1", b"2", b"3", b"4") if stash.get("t", "a", name)] == [
        b"1",
        b"3",
        b"4",
    ]
    assert stash.size <= 3 * 1256


def test_what_is_too_large_is_not_kept_and_replaces_what_was():
    stash = MemoryStash(Clock())
    stash.put("t", "a", b"c", b"old")
    stash.put("t", "a", b"c", bytes(LARGEST + 1))
    assert stash.get("t", "a", b"c") is None
    assert stash.size == 0


def test_forgotten_entry_is_gone():
    stash = MemoryStash(Clock())
    stash.put("t", "a", b"c", b"content")
    stash.forget("t", "a", b"c")
    stash.forget("t", "a", b"c")
    assert (stash.get("t", "a", b"c"), stash.size) == (None, 0)
