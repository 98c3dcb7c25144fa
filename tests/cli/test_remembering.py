"""Several processes remember together where they can; one alone pays nothing for it."""

import subprocess
import sys

import pytest

from isthmus.cli.remembering import remembering
from isthmus.config import Config, Secret, ServerConfig
from isthmus.storage.stash import MemoryStash
from isthmus.storage.state import StateDirectory

ENTRY = ("t", "a", b"c")
SECRET = Secret("s" * 32, "env:SECRET")
HEAVY = ("cryptography", "psycopg", "redis")

NOTHING_HEAVY = f"""
import sys
import isthmus.cli.serve
print(*[name for name in {HEAVY} if name in sys.modules])
"""


@pytest.fixture
def state(tmp_path):
    return StateDirectory(tmp_path / "state")


def test_one_process_loads_no_cipher_and_no_client_of_a_database():
    ran = subprocess.run(
        [sys.executable, "-c", NOTHING_HEAVY], check=True, capture_output=True, timeout=30
    )
    assert ran.stdout.split() == []


def test_one_process_writes_nothing(state):
    with remembering(Config(), state, shared=False) as stash:
        stash.put(*ENTRY, b"content")
        assert stash.get(*ENTRY) == b"content"
    assert not state.path.exists()


@pytest.mark.parametrize("secrets", [(), (SECRET,)])
def test_several_processes_remember_together(state, secrets):
    config = Config(server=ServerConfig(secrets=secrets))
    with (
        remembering(config, state, shared=True) as one,
        remembering(config, state, shared=True) as other,
    ):
        one.put(*ENTRY, b"content")
        assert other.get(*ENTRY) == b"content"
    assert (state.path / "server-secret").exists() == (not secrets)


def test_generated_secret_can_be_named_in_the_configuration(state):
    with remembering(Config(), state, shared=True) as stash:
        stash.put(*ENTRY, b"content")
    named = Secret((state.path / "server-secret").read_text().rstrip("\n"), "file:/somewhere")
    with remembering(Config(server=ServerConfig(secrets=(named,))), state, shared=True) as stash:
        assert stash.get(*ENTRY) == b"content"


@pytest.mark.parametrize("blocked", ["state", "state/thinking.sqlite3", "state/server-secret"])
def test_process_remembers_alone_where_nothing_can_be_kept(state, tmp_path, capsys, blocked):
    if blocked == "state":
        state.path.write_text("not a directory")
    else:
        (tmp_path / blocked).mkdir(parents=True)
    with remembering(Config(), state, shared=True) as stash:
        stash.put(*ENTRY, b"content")
        assert isinstance(stash, MemoryStash)
        assert stash.get(*ENTRY) == b"content"
    assert "remembers its own only" in capsys.readouterr().err


@pytest.mark.parametrize("damaged", [b"", b"short\n", b"\xff"])
def test_damaged_secret_is_told_and_not_replaced(state, capsys, damaged):
    state.make()
    (state.path / "server-secret").write_bytes(damaged)
    with pytest.raises(SystemExit) as caught, remembering(Config(), state, shared=True):
        pytest.fail("it was opened")
    assert caught.value.code == 2
    assert "damaged" in capsys.readouterr().err
    assert (state.path / "server-secret").read_bytes() == damaged
