"""``isthmus connect``: what a program needs to use this gateway, printed or set up."""

from __future__ import annotations

import difflib
import http.client
import json
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import click
import msgspec
from msgspec import Struct

from isthmus.cli import setting_up
from isthmus.cli.merging import CannotMerge, settings_with, written
from isthmus.cli.welcome import MODEL
from isthmus.config import Config
from isthmus.config.address import Address

#: Seconds until a gateway that does not say that it is there is not.
_PATIENCE = 1.0
_PLACEHOLDER = "YOUR_KEY"
_WELL = 200


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the user's; ``then`` is what to do when it has been set up."""

    path: str
    form: Literal["settings", "whole"]
    text: str
    then: str


class Client(Struct, frozen=True, forbid_unknown_fields=True):
    """A program. ``page`` is its page in ``docs/clients``."""

    title: str
    page: str
    text: str
    file: File | None = None


class Connection(Struct, frozen=True, kw_only=True):
    """What is filled in. ``root`` has no ``/v1``."""

    root: str
    key: str
    model: str

    def filled(self, text: str) -> str:
        """Return a text with what stands for all of that replaced."""
        values = {"root": self.root, "url": f"{self.root}/v1"}
        return text.strip("\n").format(**values, key=self.key, model=self.model) + "\n"


@cache
def clients() -> Mapping[str, Client]:
    """Return all programs by the names they have here."""
    text = resources.files("isthmus.cli").joinpath("clients.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Client])


class Wanted(Struct, frozen=True, kw_only=True):
    """What the command line says; None: whatever fits the gateway on this machine."""

    name: str | None
    url: str | None = None
    key: str | None = None
    model: str | None = None
    write: bool = False
    as_json: bool = False


def run(path: Path | None, wanted: Wanted) -> int:
    """Print or write; return the exit code."""
    if wanted.name is None:
        _list(as_json=wanted.as_json)
        return 0
    client = clients().get(wanted.name)
    if client is None:
        raise click.UsageError(f"'{wanted.name}' is none of: {', '.join(clients())}.")
    connection = _connection(setting_up.configuration(path), wanted)
    if wanted.write:
        return _write(wanted.name, client, connection)
    text = connection.filled(client.text)
    if wanted.as_json:
        click.echo(json.dumps({"client": wanted.name, "page": client.page, "text": text}))
    else:
        click.echo(text, nl=False)
    _say_what_is_missing(connection)
    return 0


def _list(*, as_json: bool) -> None:
    if as_json:
        known = clients().items()
        click.echo(json.dumps([{"client": name, "title": one.title} for name, one in known]))
        return
    for name, client in clients().items():
        click.echo(f"{name:14}{client.title}{'   (--write)' if client.file else ''}")


def _connection(config: Config, wanted: Wanted) -> Connection:
    here = Address(setting_up.callable_at(config.server.host), config.server.port)
    root = (wanted.url or f"http://{here}").rstrip("/").removesuffix("/v1")
    key = wanted.key
    if key is None and not config.keys and wanted.url is None:
        key = setting_up.local_key(setting_up.state_directory(config))
    model = wanted.model or next(iter(config.models), None) or MODEL
    return Connection(root=root, key=key or _PLACEHOLDER, model=model)


def _say_what_is_missing(connection: Connection) -> None:
    if connection.key == _PLACEHOLDER:
        click.echo(f"\n{_PLACEHOLDER} stands for one of the gateway's keys (--key).", err=True)
        return
    status = _status(connection)
    if status is None:
        click.echo(f"\nNothing answers at {connection.root} now: start `isthmus serve`.", err=True)
    elif status != _WELL:
        click.echo(f"\nThe gateway does not take this key ({status}): give one by --key.", err=True)


def _status(connection: Connection) -> int | None:
    """Return what a gateway says to the key; None where there is none."""
    parts = urlsplit(connection.root)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    asking = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
    headers = {"authorization": f"Bearer {connection.key}"}
    try:
        asking.request("GET", f"{parts.path}/v1/models", headers=headers)
        return asking.getresponse().status
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        asking.close()


def _write(name: str, client: Client, connection: Connection) -> int:
    """Set a file of the user's up, and say what was changed."""
    file = client.file
    if file is None:
        raise click.UsageError(
            f"{client.title} has no file that could be written; `isthmus connect {name}` says "
            "what to do."
        )
    if connection.key == _PLACEHOLDER and file.form == "settings":
        raise click.UsageError("The key is written to a file: give one with --key.")
    path = Path(file.path).expanduser()
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        text = connection.filled(file.text)
        after = settings_with(before, text) if file.form == "settings" else text
    except (CannotMerge, UnicodeDecodeError) as error:
        setting_up.complain(f"{path} is left as it is: {error}")
        return 1
    if after == before:
        click.echo(f"{path} is set up already.")
    else:
        _show(before, after, path, connection.key)
        backup = written(path, before, after)
        click.echo(f"\nWrote {path}{f'; before it was {backup}' if backup else ''}.")
    click.echo(f"Now: {connection.filled(file.then)}", nl=False)
    _say_what_is_missing(connection)
    return 0


def _show(before: str, after: str, path: Path, key: str) -> None:
    """Show what changes. The key is not for everybody who looks over a shoulder."""
    names = (str(path), f"{path} (new)")
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    for line in lines:
        click.echo(line.replace(key, f"{key[:8]}..."), file=sys.stdout)
