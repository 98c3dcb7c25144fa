"""``isthmus check``."""

from __future__ import annotations

from pathlib import Path

import click

from isthmus.cli import setting_up
from isthmus.config import Config, Secret
from isthmus.config.address import Address
from isthmus.config.proxy import proxy
from isthmus.routing.directory import Directory
from isthmus.routing.overrides import Override


def run(path: Path | None) -> int:
    """Print what would be served; return the exit code."""
    config = setting_up.configuration(path)
    for line in _summary(config, setting_up.routing(config)):
        click.echo(line)
    return 0


def _summary(config: Config, known: Directory) -> list[str]:
    server = config.server
    lines = [f"listen     {server.host}:{server.port}"]
    lines.append(f"state      {setting_up.state_directory(config).path}")
    for name, upstream in config.upstreams.items():
        if upstream.kind == "sandbox":
            lines.append(f"upstream   {name}: sandbox, simulated answers")
        way = f", by the proxy {_place(upstream.proxy)}" if upstream.proxy is not None else ""
        foreign = upstream.kind == "openai_compatible"
        place = "/chat/completions" if foreign else "/v1/messages"
        lines += [
            f"upstream   {name}: {upstream.kind}, {url}{place}{way}" for url in upstream.base_urls
        ]
        if upstream.passthrough:
            lines.append(f"passed on  {name}: {', '.join(upstream.passthrough)}")
    for name, model in config.models.items():
        targets = ", then ".join(f"{target.upstream}/{target.model}" for target in model.targets)
        if targets:
            lines.append(f"model      {name}: {targets}")
    lines += [f"corrected  {name}: {_fields(one)}" for name, one in known.overrides.items()]
    for name, target in config.aliases.items():
        lines.append(f"alias      {name}: {target or 'off'}")
    for name, key in config.keys.items():
        lines.append(f"key        {name}: {key.secret.reference}")
    if not config.keys:
        lines.append("key        none configured: one is made for this machine")
    lines.append(f"names      {len(known.names.public())} can be called")
    return lines


def _place(url: Secret) -> str:
    """Return host and port of a proxy, without its password."""
    known = proxy(url)
    return str(Address(known.host, known.port))


def _fields(override: Override) -> str:
    prices = ["prices"] if override.prices else []
    return ", ".join([*override.capabilities, *prices])
