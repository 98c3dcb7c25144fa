"""A file that cannot be used is replaced or refused, and never stops a call."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from isthmus.storage.entry_file import Bounds, EntryFile, Unusable
from isthmus.storage.file_lock import locked

BOUNDS = Bounds(lifetime=1000, capacity=1_000_000, overhead=100)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "entries.sqlite3"


@pytest.fixture
def opened(path):
    """Opens the file as several processes would; all are closed at the end."""
    files: list[EntryFile] = []

    def open_one() -> EntryFile:
        files.append(EntryFile(path, BOUNDS, time.time))
        return files[-1]

    yield open_one
    for file in files:
        file.close()


def filled(file: EntryFile, count: int = 100) -> None:
    for number in range(count):
        file.write(b"%d" % number, bytes(1000))


def works(file: EntryFile) -> bool:
    file.write(b"name", b"value")
    return file.find([b"name"]) == (b"name", b"value")


def spoil(path: Path) -> None:
    """Overwrite the index, as a failing disk would; who opens the file does not look there."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE type = 'index'")
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)


FOREIGN = {
    "rubbish": b"\x00rubbish" * 1000,
    "text": b"SQLite format 3\x00 is what it says",
    "short": b"SQL",
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_damaged_file_is_moved_aside_with_a_warning(path, opened, caplog, content):
    path.write_bytes(content)
    assert works(opened())
    assert path.with_name("entries.sqlite3.broken").read_bytes() == content
    assert "begun anew" in caplog.text


def test_file_of_somebody_else_is_moved_aside_whole(path, opened, caplog):
    theirs = sqlite3.connect(path)
    theirs.execute("PRAGMA journal_mode = WAL")
    theirs.execute("CREATE TABLE entries (theirs)")
    theirs.execute("INSERT INTO entries VALUES (7)")
    theirs.commit()
    assert works(opened())
    theirs.close()
    aside = sqlite3.connect(path.with_name("entries.sqlite3.broken"))
    assert aside.execute("SELECT theirs FROM entries").fetchall() == [(7,)]
    aside.close()
    assert "was not made by this version" in caplog.text


def test_file_of_another_version_is_moved_aside(path, opened, caplog):
    opened().close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert works(opened())
    assert "begun anew" in caplog.text


def test_file_that_is_damaged_while_it_is_used_is_begun_anew_once_for_all(path, opened, caplog):
    files = [opened(), opened()]
    filled(files[0])
    spoil(path)
    for file in files:
        file.find([b"1"])
    for file in files:
        file.write(b"1", b"x")
    files[0].write(b"shared", b"value")
    assert files[1].find([b"shared"]) == (b"shared", b"value")
    assert caplog.text.count("begun anew") == 1


def test_file_that_was_removed_stops_nobody(path, opened):
    before = opened()
    path.unlink()
    assert works(before)
    assert works(opened())


def test_all_who_open_a_damaged_file_at_once_share_the_new_one(path, opened, caplog):
    for _ in range(5):
        path.write_bytes(FOREIGN["rubbish"])
        with ThreadPoolExecutor(8) as pool:
            files = [one.result() for one in [pool.submit(opened) for _ in range(8)]]
        files[0].write(b"shared", b"value")
        assert all(file.find([b"shared"]) for file in files)
        for file in files:
            file.close()
    assert caplog.text.count("begun anew") == 5


def test_file_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "entries.sqlite3").mkdir()
    for path in (tmp_path / "entries.sqlite3", tmp_path / "nowhere" / "entries.sqlite3"):
        with pytest.raises(Unusable):
            EntryFile(path, BOUNDS, time.time)


def test_file_that_somebody_keeps_to_himself_is_refused(path, opened, monkeypatch):
    monkeypatch.setattr("isthmus.storage.entry_file._AT_START", 0.05)
    opened().close()
    with locked(path.with_suffix(".lock")), pytest.raises(Unusable, match="another process"):
        opened()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unusable, match="locked"):
        opened()
    holder.close()
    assert works(opened())


def test_full_disk_is_told_once_and_stops_nobody(path, opened, caplog):
    file = opened()
    filled(file, 10)
    file._connection.execute("PRAGMA max_page_count = 1")
    filled(file, 200)
    assert caplog.text.count("cannot be used at the moment") == 1
    assert file.find([b"1"]) is not None
