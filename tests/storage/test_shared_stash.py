"""What is stashed in the state directory is found by processes with the secret, by nobody else."""

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from isthmus.storage.secrets import Secrets
from isthmus.storage.shared_stash import FILE, SharedStash
from isthmus.storage.stash import LARGEST, LIFETIME, OVERHEAD, Stash

OLD, NEW = b"o" * 32, b"n" * 32
CANARY = b"canary-in-the-mine"
#: What encryption adds to a value: nonce and tag.
SEAL = 28
ENTRY = ("t", "a", b"c")

ANOTHER_PROCESS = """
import sys, time
from pathlib import Path
from isthmus.storage.secrets import Secrets
from isthmus.storage.shared_stash import SharedStash
stash = SharedStash(Path(sys.argv[1]), Secrets([b"n" * 32]), time.time)
found = stash.get("t", "a", b"c")
stash.put("t", "a", b"answer", b"heard " + found)
stash.close()
"""


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(tmp_path, clock):
    """Opens stashes in one state directory; they are closed at the end."""
    stashes: list[SharedStash] = []

    def open_one(*secrets: bytes, capacity: int = 64 * 1024 * 1024) -> SharedStash:
        stash = SharedStash(tmp_path, Secrets(secrets or [NEW]), clock, capacity=capacity)
        stashes.append(stash)
        return stash

    yield open_one
    for stash in stashes:
        stash.close()


def rows(folder: Path, statement: str, *values: object) -> list[tuple]:
    """Do something to the file behind the back of the stash."""
    with sqlite3.connect(folder / FILE, isolation_level=None) as connection:
        found = connection.execute(statement, values).fetchall()
    connection.close()
    return found


def total(folder: Path) -> int:
    ((size,),) = rows(folder, "SELECT size FROM total")
    assert rows(folder, "SELECT coalesce(sum(size), 0) FROM entries") == [(size,)]
    return size


def kept(stash: Stash, names: list[bytes]) -> list[bytes]:
    return [name for name in names if stash.get("t", "a", name)]


# Finding ------------------------------------------------------------------------------------------


def test_entry_is_found_by_tenant_account_and_conversation_only(opened):
    one, other = opened(), opened()
    one.put("t", "a", b"c", b"content")
    assert other.get("t", "a", b"c") == b"content"
    for wrong in (("x", "a", b"c"), ("t", "x", b"c"), ("t", "a", b"x"), ("ta", "", b"c")):
        assert other.get(*wrong) is None


def test_processes_read_what_each_other_wrote(tmp_path):
    mine = SharedStash(tmp_path, Secrets([NEW]), time.time)
    mine.put(*ENTRY, b"hello")
    subprocess.run([sys.executable, "-c", ANOTHER_PROCESS, tmp_path], check=True, timeout=30)
    assert mine.get("t", "a", b"answer") == b"heard hello"
    mine.close()


def test_newest_content_replaces_what_was(opened):
    one, other = opened(), opened()
    one.put(*ENTRY, b"first")
    other.put(*ENTRY, b"")
    assert one.get(*ENTRY) == b""


def test_entries_outlive_the_processes(opened):
    first = opened()
    first.put(*ENTRY, b"content")
    first.close()
    assert first.get(*ENTRY) is None
    assert opened().get(*ENTRY) == b"content"


def test_forgotten_entry_is_gone_for_all(opened, tmp_path):
    one, other = opened(), opened()
    one.put(*ENTRY, b"content")
    other.forget(*ENTRY)
    other.forget(*ENTRY)
    assert one.get(*ENTRY) is None
    assert total(tmp_path) == 0


# Limits -------------------------------------------------------------------------------------------


def test_entry_lives_for_a_day(opened, clock, tmp_path):
    stash = opened()
    stash.put(*ENTRY, b"content")
    clock.now += LIFETIME
    assert stash.get(*ENTRY) == b"content"
    clock.now += 1
    assert stash.get(*ENTRY) is None
    stash.put("t", "a", b"next", b"x")
    assert total(tmp_path) == 1 + SEAL + OVERHEAD


def test_start_removes_what_expired(opened, clock, tmp_path):
    opened().put(*ENTRY, b"content")
    clock.now += LIFETIME + 1
    opened()
    assert total(tmp_path) == 0


def test_entry_that_a_wrong_clock_wrote_does_not_stay(opened, clock, tmp_path):
    stash = opened()
    clock.now += 10 * LIFETIME
    stash.put(*ENTRY, b"content")
    clock.now -= 10 * LIFETIME
    assert stash.get(*ENTRY) is None
    stash.put("t", "a", b"next", b"x")
    assert total(tmp_path) == 1 + SEAL + OVERHEAD


def test_oldest_entries_of_all_processes_make_room(opened, tmp_path):
    capacity = 3 * (1000 + SEAL + OVERHEAD)
    one, other = opened(capacity=capacity), opened(capacity=capacity)
    names = [b"%d" % number for number in range(8)]
    for number, name in enumerate(names):
        (one, other)[number % 2].put("t", "a", name, bytes(1000))
    assert kept(one, names) == names[-3:]
    one.put("t", "a", b"large", bytes(3000))
    assert kept(other, [*names, b"large"]) == [b"large"]
    assert total(tmp_path) <= capacity


def test_what_is_too_large_is_not_kept_and_replaces_what_was(opened):
    stash = opened()
    stash.put(*ENTRY, bytes(LARGEST))
    assert stash.get(*ENTRY) == bytes(LARGEST)
    stash.put(*ENTRY, bytes(LARGEST + 1))
    assert stash.get(*ENTRY) is None


# Secrecy ------------------------------------------------------------------------------------------


def test_nothing_that_was_said_can_be_read_in_the_files(opened, tmp_path):
    stash = opened()
    stash.put(CANARY.decode(), CANARY.decode(), CANARY, CANARY * 1000)
    while_open = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    stash.close()
    assert len(while_open) > len(CANARY) * 1000
    assert CANARY not in while_open + (tmp_path / FILE).read_bytes()


def test_same_content_never_looks_the_same(opened, tmp_path):
    stash = opened()
    for name in (b"1", b"2"):
        stash.put("t", "a", name, b"content")
    assert len({value[:12] for (value,) in rows(tmp_path, "SELECT value FROM entries")}) == 2
    assert len({value[12:] for (value,) in rows(tmp_path, "SELECT value FROM entries")}) == 2


def test_files_are_their_owners_only(opened, tmp_path):
    (tmp_path / FILE).touch(0o644)
    opened().put(*ENTRY, b"content")
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.glob(f"{FILE}*")}
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}


@pytest.mark.parametrize("at", [0, 11, 12, 18, -1])
def test_content_that_was_tampered_with_is_not_found(opened, tmp_path, at):
    stash = opened()
    stash.put(*ENTRY, b"content")
    ((value,),) = rows(tmp_path, "SELECT value FROM entries")
    altered = bytearray(value)
    altered[at] ^= 1
    rows(tmp_path, "UPDATE entries SET value = ?", bytes(altered))
    assert stash.get(*ENTRY) is None


@pytest.mark.parametrize("value", [b"", b"short", bytes(12), bytes(28), "text", 7])
def test_content_that_is_none_is_not_found(opened, tmp_path, value):
    stash = opened()
    stash.put(*ENTRY, b"content")
    rows(tmp_path, "UPDATE entries SET value = ?", value)
    assert stash.get(*ENTRY) is None


def test_contents_that_changed_places_are_not_found(opened, tmp_path):
    stash = opened()
    for name in (b"1", b"2"):
        stash.put("t", "a", name, b"content")
    values = [value for (value,) in rows(tmp_path, "SELECT value FROM entries ORDER BY id")]
    for number, value in zip((1, 2), reversed(values), strict=True):
        rows(tmp_path, "UPDATE entries SET value = ? WHERE id = ?", value, number)
    assert kept(stash, [b"1", b"2"]) == []


def test_wrong_secret_finds_nothing(opened):
    opened(OLD).put(*ENTRY, b"content")
    assert opened(NEW).get(*ENTRY) is None


def test_new_secret_finds_what_the_old_one_kept_while_both_are_known(opened):
    opened(OLD).put(*ENTRY, b"content")
    assert opened(NEW, OLD).get(*ENTRY) == b"content"
    opened(NEW, OLD).put(*ENTRY, b"anew")
    assert opened(OLD).get(*ENTRY) is None
    assert opened(NEW).get(*ENTRY) == b"anew"


def test_what_was_kept_last_is_found_while_processes_change_their_secret(opened):
    before, after = opened(OLD), opened(NEW, OLD)
    after.put(*ENTRY, b"first")
    before.put(*ENTRY, b"second")
    assert after.get(*ENTRY) == b"second"
    after.forget(*ENTRY)
    assert (after.get(*ENTRY), before.get(*ENTRY)) == (None, None)


# Company ------------------------------------------------------------------------------------------


def test_calls_do_not_wait_for_who_holds_the_file(opened, tmp_path):
    stash = opened()
    stash.put(*ENTRY, b"content")
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    begun = time.monotonic()
    assert stash.get(*ENTRY) == b"content"  # readers are not held up at all
    stash.put(*ENTRY, b"not kept")
    stash.forget(*ENTRY)
    assert time.monotonic() - begun < 0.5
    holder.execute("ROLLBACK")
    holder.close()
    assert stash.get(*ENTRY) == b"content"
    stash.put(*ENTRY, b"kept")
    assert stash.get(*ENTRY) == b"kept"


def test_threads_find_what_was_kept_or_nothing(opened, tmp_path):
    stashes = [opened(capacity=100_000), opened(capacity=100_000)]

    def hammer(thread: int) -> int:
        found, stash = 0, stashes[thread % 2]
        for number in range(200):
            name = b"%d" % (number % 20)
            stash.put("t", "a", name, name * 500)
            content = stash.get("t", "a", name)
            assert content in {None, name * 500}
            found += content is not None
            if number % 7 == thread:
                stash.forget("t", "a", name)
        return found

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(hammer, range(8))) > 0
    assert 0 < total(tmp_path) <= 100_000
