from __future__ import annotations

import json
from pathlib import Path

import pytest

from peers import installs
from peers.roster import Peer, Wanted
from peers.rounds import installed

WANTED = Wanted("npm", "thing", "1.0")
PEER = Peer("thing", "Thing", "JavaScript", ("node",), wanted=WANTED)
UNKNOWN = Peer("none", "None", "C", ("no-such-program-anywhere",))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the peer is to be installed, on a machine without npm."""
    monkeypatch.setattr(installs, "INSTALLED", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "thing"


def test_what_is_installed_as_wanted_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / "wanted.json").write_text(json.dumps(WANTED))
    (folder / "kept").touch()
    installs.install(PEER)
    assert (folder / "kept").exists()


def test_what_is_installed_otherwise_goes_before_the_new_comes(folder: Path) -> None:
    folder.mkdir()
    (folder / "wanted.json").write_text("other")
    with pytest.raises(installs.NotInstalled, match="`npm` is not on this machine"):
        installs.install(PEER)
    assert not list(folder.iterdir())


def test_a_program_that_the_machine_lacks_is_named() -> None:
    with pytest.raises(installs.NotInstalled, match="`no-such-program-anywhere` is not on this"):
        installs.install(UNKNOWN)


def test_the_version_is_the_one_the_package_says(folder: Path) -> None:
    manifest = folder / "node_modules" / "thing" / "package.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"version": "1.2.3"}')
    assert installs.version(PEER) == "1.2.3"


def test_what_cannot_be_installed_is_in_the_table_with_the_reason(folder: Path) -> None:
    assert not folder.exists()
    entry = installed(PEER).entry()
    assert entry.failures == ("not installed: `npm` is not on this machine",)
    assert entry.figures.whole_us is None
