from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import count
import pytest

# What valgrind would be told, without valgrind: how often a mark was set.
MARKS = """
#include <stdio.h>
void begin(void) {}
void mark(void) { fputs("mark\\n", stderr); }
"""


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    library = tmp_path / "mark.so"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-o", library, "-"]
    subprocess.run(command, input=MARKS, text=True, check=True)
    return library


def test_every_loop_runs_to_its_end_between_four_marks(marks: Path) -> None:
    command = [sys.executable, count.HERE / "loops.py", marks]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 0, ended.stderr
    assert [line.split()[0] for line in ended.stdout.splitlines()] == list(count.UNITS)
    assert ended.stderr == "mark\n" * count.MARKS_PER_LOOP * len(count.UNITS)
