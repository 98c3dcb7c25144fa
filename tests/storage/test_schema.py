"""A database comes to its tables step by step, once, whoever comes first."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from isthmus.storage.database import Database, Unavailable, Unusable
from isthmus.storage.schema import STEPS, form_of, upgrade

FURTHER = ("CREATE TABLE further (x BIGINT)",)


def test_new_database_gets_every_table_once(database):
    with closing(database.connect()) as connection:
        assert form_of(connection) == 0
        assert upgrade(connection) == len(STEPS)
        assert upgrade(connection) == 0
        assert form_of(connection) == len(STEPS)


def test_two_who_start_at_once_make_one_set_of_tables(database):
    made = []

    def start():
        with closing(database.connect()) as connection:
            made.append(upgrade(connection))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 0, len(STEPS)]


def test_program_of_one_step_before_works_beside_a_newer_one(database):
    with closing(database.connect()) as connection:
        upgrade(connection, [*STEPS, FURTHER])
        assert upgrade(connection) == 0
        assert form_of(connection) == len(STEPS) + 1


def test_step_that_fails_leaves_nothing(database):
    with closing(database.connect()) as connection:
        upgrade(connection)
        with pytest.raises(Unavailable):
            upgrade(connection, [*STEPS, (*FURTHER, "CREATE NONSENSE")])
        assert upgrade(connection, [*STEPS, FURTHER]) == 1


def test_database_that_a_newer_program_has_closed_to_this_one_is_left_alone(database):
    with closing(database.connect()) as connection:
        upgrade(connection)
        connection.run("INSERT INTO facts VALUES ('needs', 99)")
        with pytest.raises(Unusable, match="needs form 99"):
            upgrade(connection)


def test_database_of_something_else_is_left_alone(database):
    with closing(database.connect()) as connection:
        connection.run("CREATE TABLE theirs (x BIGINT)")
        with pytest.raises(Unusable, match="none of"):
            upgrade(connection)


def test_file_that_is_no_database_cannot_be_used(tmp_path):
    (tmp_path / "db").write_bytes(b"x" * 5000)
    with pytest.raises(Unavailable, match="not a database"):
        Database(tmp_path / "db").connect()


def test_server_that_is_not_there_is_unavailable():
    with pytest.raises(Unavailable):
        Database(Path(), "postgresql://nobody@127.0.0.1:1/none").connect()
