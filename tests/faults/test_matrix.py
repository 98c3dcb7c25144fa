"""What the list of faults names is there."""

import re
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MATRIX = tomllib.loads((HERE / "matrix.toml").read_text())


@pytest.mark.parametrize("fault", MATRIX["tested"])
def test_fault_has_the_test_that_is_named(fault):
    file, _, name = MATRIX["tested"][fault].partition("::")
    text = (HERE.parent / file).read_text()
    assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE)


def test_every_file_of_tests_here_is_listed():
    files = {named.partition("::")[0] for named in MATRIX["tested"].values()}
    here = {f"faults/{file.name}" for file in HERE.glob("test_*.py")}
    assert here - files == {"faults/test_matrix.py"}


def test_what_waits_says_why():
    assert all(len(reason) > 10 for reason in MATRIX["waiting"].values())
