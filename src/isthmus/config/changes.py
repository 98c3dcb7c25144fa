"""What a change of the configuration comes to while the gateway runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from isthmus.config.settings import Config, Secret

#: Settings of ``[server]`` that may change at any time; the others are looked at once.
_AT_ANY_TIME = frozenset({"anonymous_models", "secrets"})


def needs_restart(running: Config, read: Config) -> list[str]:
    """Name the settings that differ and that only a restart can change."""
    changed = [
        name
        for name in running.server.__struct_fields__
        if name not in _AT_ANY_TIME and getattr(running.server, name) != getattr(read.server, name)
    ]
    if _revealed(running) != _revealed(read):
        changed.append("secrets")
    sections = [n for n in ("responses", "ledger") if getattr(running, n) != getattr(read, n)]
    return [*(f"server.{name}" for name in changed), *sections]


def _revealed(config: Config) -> list[str]:
    return [secret.reveal() for secret in config.server.secrets]


def files_of(config: Config) -> Iterator[Path]:
    """List the files that secrets of ``config`` were read from."""
    for secret in _secrets(config):
        kind, _, place = secret.reference.partition(":")
        if kind == "file":
            yield Path(place)


def _secrets(config: Config) -> Iterator[Secret]:
    for upstream in config.upstreams.values():
        yield from (key.secret for key in upstream.api_keys)
        if upstream.proxy is not None:
            yield upstream.proxy
    yield from (key.secret for key in config.keys.values())
    yield from config.server.secrets
