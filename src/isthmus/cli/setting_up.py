"""What several commands do first: read the configuration, find the state and the keys."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import NoReturn

import click
from msgspec import structs

from isthmus.access.keys import RANDOM_BYTES, is_sound, mint
from isthmus.config import Config, ConfigError, complaint, load
from isthmus.routing.directory import Directory, described, directory
from isthmus.routing.overrides import WrongOverride
from isthmus.storage.database import Database
from isthmus.storage.state import StateDirectory

WRONG_CONFIGURATION = 2
LOCAL = "local"
_FILE = "isthmus.sqlite3"


def configuration(path: Path | None, *, host: str | None = None, port: int | None = None) -> Config:
    """Read the configuration, with address and port of the command line; exit 2 if it is wrong."""
    try:
        return read(path, host=host, port=port)
    except ConfigError as error:
        fail(str(error))


def read(path: Path | None, *, host: str | None = None, port: int | None = None) -> Config:
    """Read the configuration, with address and port of the command line.

    Raises:
        ConfigError: it is wrong.
    """
    config = load(path, os.environ, host=host, port=port)
    # Only what corrects or joins the catalog is looked at, so that others start faster without.
    vendors = any(upstream.vendor is not None for upstream in config.upstreams.values())
    if path is not None and (config.models or vendors):
        try:
            described(config)
        except WrongOverride as error:
            # Told by its line, which nobody knows later.
            raise complaint(path, error.path, error.message) from None
    return config


def routing(config: Config) -> Directory:
    """Put together who is asked under which names; exit 2 where they contradict each other."""
    try:
        return directory(config)
    except ValueError as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    """Say what is wrong in one line, and exit 2."""
    complain(message)
    sys.exit(WRONG_CONFIGURATION)


def complain(message: str) -> None:
    """Say what went wrong, in one line on standard error."""
    click.echo(f"isthmus: {message}", err=True)


def warn(message: str) -> None:
    """Say what is not as it should be, and go on."""
    click.echo(f"isthmus: warning: {message}", err=True)


def state_directory(config: Config) -> StateDirectory:
    """Find the state directory: ISTHMUS_STATE, else the file's, else the user's by port."""
    named = os.environ.get("ISTHMUS_STATE") or config.server.state
    if named:
        return StateDirectory(Path(named))
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return StateDirectory(Path(home) / "isthmus" / str(config.server.port))


def minted() -> str:
    """Make a new key."""
    return mint(secrets.token_bytes(RANDOM_BYTES))


def database(config: Config, state: StateDirectory) -> Database:
    """Say where everything is kept."""
    url = config.storage.url
    return Database(state.path / _FILE, None if url is None else url.reveal())


def local_key(state: StateDirectory) -> str:
    """Return the key of this machine's callers; one for this run alone if it cannot be kept."""
    try:
        key = state.client_key(minted)
    except OSError as error:
        warn(f"{state.path} cannot be written ({error.strerror}); the key is for this run only")
        return minted()
    if not is_sound(key):
        fail(f"the key in {state.path} is damaged; remove the file to get a new one")
    return key


def configured_keys(config: Config) -> dict[str, str]:
    """Return the configured keys by the principals they belong to."""
    return {f"config:{name}": key.secret.reveal() for name, key in config.keys.items()}


def callable_at(host: str) -> str:
    """Return a host to call: what listens everywhere is called here."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def listening_on(config: Config, port: int) -> Config:
    """Return the configuration with the port that was really taken."""
    return structs.replace(config, server=structs.replace(config.server, port=port))
