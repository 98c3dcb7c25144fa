"""What was appended survives; what is torn is left out; what is left behind is found."""

import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.storage.spool import Full, Spool, abandoned, records

RECORDS = [b'{"a":1}', b"b", '{"ü":"\u2028"}'.encode()]


def contents(segments: list[Path]) -> list[bytes]:
    return [record for segment in segments for record in records(segment)]


def test_records_come_back_in_order(tmp_path):
    spool = Spool(tmp_path)
    for record in RECORDS:
        spool.append(record)
    assert contents(spool.rotate()) == RECORDS


def test_segments_stay_until_they_are_removed(tmp_path):
    spool = Spool(tmp_path)
    spool.append(b"a")
    first = spool.rotate()
    spool.append(b"b")
    assert contents(spool.rotate()) == [b"a", b"b"]
    spool.remove(first[0])
    assert contents(spool.rotate()) == [b"b"]


def test_damage_costs_the_damaged_records_only(tmp_path):
    spool = Spool(tmp_path)
    for record in (b"one", b"two", b"three"):
        spool.append(record)
    [segment] = spool.rotate()
    text = segment.read_bytes()
    segment.write_bytes(text.replace(b"two", b"tvo")[:-3])
    assert list(records(segment)) == [b"one"]


def test_spool_that_is_full_takes_no_more_until_something_is_removed(tmp_path):
    spool = Spool(tmp_path, capacity=30)
    spool.append(b"x" * 10)
    with pytest.raises(Full):
        spool.append(b"y" * 10)
    [segment] = spool.rotate()
    spool.remove(segment)
    spool.append(b"y" * 10)


def test_process_that_lives_is_left_alone(tmp_path):
    spool = Spool(tmp_path)
    spool.append(b"a")
    assert list(abandoned(tmp_path)) == []


def test_what_a_killed_process_has_written_is_found(tmp_path):
    program = (
        "import os,sys;from pathlib import Path;from isthmus.storage.spool import Spool;"
        "s=Spool(Path(sys.argv[1]));s.append(b'last words');os.kill(os.getpid(),9)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert ended.returncode == -9
    [left] = abandoned(tmp_path)
    assert contents(left.segments()) == [b"last words"]
    left.remove()
    assert not list(tmp_path.iterdir())


def test_folder_goes_with_its_process_when_nothing_is_left(tmp_path):
    Spool(tmp_path).close()
    assert not list(tmp_path.iterdir())
    assert list(abandoned(tmp_path / "nowhere")) == []
