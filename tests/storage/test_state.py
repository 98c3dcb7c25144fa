"""What is made once in the state directory is the same for all who ask, and nobody else's."""

import stat
from concurrent.futures import ThreadPoolExecutor

from isthmus.storage.secrets import Secrets
from isthmus.storage.state import StateDirectory


def test_server_secret_is_made_once_and_readable_by_its_owner_only(tmp_path):
    state = StateDirectory(tmp_path / "state")
    secret = state.server_secret()
    assert StateDirectory(tmp_path / "state").server_secret() == secret
    assert bytes.fromhex(secret.decode()) != bytes(32)
    assert Secrets([secret])
    assert stat.S_IMODE((tmp_path / "state" / "server-secret").stat().st_mode) == 0o600


def test_all_who_ask_at_the_same_time_get_one_secret(tmp_path):
    for number in range(20):
        state = StateDirectory(tmp_path / str(number))
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(state.server_secret) for _ in range(8)]
        assert len({one.result() for one in asked}) == 1
        assert [file.name for file in state.path.iterdir()] == ["server-secret"]
