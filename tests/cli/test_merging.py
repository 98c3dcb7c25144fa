"""Settings of somebody else's file: nothing there is lost."""

import json
import stat

import pytest

from isthmus.cli.merging import CannotMerge, settings_with, written

MORE = '{"A": "1", "B": "2"}'


def test_variables_join_those_that_are_there_and_replace_their_like():
    before = json.dumps({"model": "x", "env": {"Z": "z", "A": "old"}, "hooks": {"é": [1]}})
    after = json.loads(settings_with(before, MORE))
    assert after == {"model": "x", "env": {"Z": "z", "A": "1", "B": "2"}, "hooks": {"é": [1]}}
    assert list(after) == ["model", "env", "hooks"]


@pytest.mark.parametrize("before", ["", "\n", "{}"])
def test_empty_settings_are_made(before):
    assert json.loads(settings_with(before, MORE)) == {"env": {"A": "1", "B": "2"}}


def test_what_is_set_up_stays_as_it_is_written():
    before = '{ "env": {"B":"2",   "A":"1"} }'
    assert settings_with(before, MORE) == before


@pytest.mark.parametrize("before", ["{", "[]", '{"env": []}', "// a comment\n{}"])
def test_what_is_no_such_file_is_left_alone(before):
    with pytest.raises(CannotMerge):
        settings_with(before, MORE)


def test_file_before_is_kept_beside_and_nobody_else_may_read_either(tmp_path):
    path = tmp_path / "new" / "settings.json"
    assert written(path, "", "first") is None
    backup = written(path, "first", "second")
    assert (path.read_text(), backup.read_text()) == ("second", "first")
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path, backup)} == {0o600}
    assert {one.name for one in path.parent.iterdir()} == {path.name, backup.name}
