"""Installs what takes part, each apart from all others, and once only."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from peers.roster import Peer, Wanted
from processes import which

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / "build" / "peers"
ISTHMUS = ROOT / ".venv" / "bin" / "isthmus"
_SECONDS = 900


class NotInstalled(Exception):
    """A registry or a tool did not give what was wanted; says why in one line."""


def place_of(peer: Peer) -> Path:
    """Return the folder a peer is installed in."""
    return INSTALLED / peer.key


def install(peer: Peer) -> None:
    """Install a peer unless it is there in the version that is wanted. Raises NotInstalled."""
    if peer.wanted is None:
        if program(peer.command[0]) is None:
            raise NotInstalled(f"`{peer.command[0]}` is not on this machine")
        return
    folder, wish = place_of(peer), json.dumps(peer.wanted)
    stamp = folder / "wanted.json"
    if stamp.exists() and stamp.read_text() == wish:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (_from_pypi if peer.wanted.registry == "pypi" else _from_npm)(peer.wanted, folder)
    stamp.write_text(wish)


def program(name: str) -> str | None:
    """Find a program: this checkout's own, or one of the machine."""
    return str(ISTHMUS) if name == "isthmus" else which(name)


def version(peer: Peer) -> str:
    """Return the version that is installed, as the package or the program says it."""
    if peer.wanted is None:
        option = "-v" if peer.key == "nginx" else "--version"
        ended = _run(program(peer.command[0]) or "", option)
        return ended.split("/" if peer.key == "nginx" else " ")[-1].strip()
    if peer.wanted.registry == "pypi":
        asked = f"import importlib.metadata as m; print(m.version({peer.wanted.package!r}))"
        return _run(place_of(peer) / "bin" / "python", "-c", asked).strip()
    manifest = place_of(peer) / "node_modules" / peer.wanted.package / "package.json"
    return json.loads(manifest.read_text())["version"]


def _from_pypi(wanted: Wanted, folder: Path) -> None:
    venv.create(folder, with_pip=True)
    _run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", wanted.requirement)


def _from_npm(wanted: Wanted, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("`npm` is not on this machine")
    manifest = {
        "private": True,
        "dependencies": {wanted.package: wanted.requirement},
        "overrides": dict(wanted.overrides),
    }
    (folder / "package.json").write_text(json.dumps(manifest))
    _run(npm, "install", "--prefix", folder, "--no-fund", "--no-audit", "--ignore-scripts")


def _run(*command: str | Path) -> str:
    print("bench:", *command, file=sys.stderr)
    try:
        ended = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"`{command[0]}` took more than {_SECONDS} s") from None
    if ended.returncode:
        last = ended.stdout.strip().splitlines()[-1:] or ["no reason given"]
        raise NotInstalled(last[0])
    return ended.stdout
