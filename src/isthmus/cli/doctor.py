"""``isthmus doctor``: tries every configured upstream, and says what needs the operator."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from msgspec import Struct, structs
from rich.console import Console
from rich.table import Table

from isthmus.cli import setting_up
from isthmus.config import Config
from isthmus.gateway import secrets_of, upstream
from isthmus.redaction import masked
from isthmus.routing.directory import IN_PROCESS, Directory
from isthmus.routing.names import find_row
from isthmus.upstreams.checkup import Checkup, Examinable, examine

_AT_ONCE = 8
_WIDE = 160
#: A clock that is so far away makes limits and certificates go wrong. Seconds.
_SKEW = 5.0


class _Examined(Struct, frozen=True):
    """One route of one upstream, and what was found there."""

    upstream: str
    found: Checkup


def run(path: Path | None, only: str | None, *, as_json: bool) -> int:
    """Try the upstreams, print what was found; return the exit code."""
    config = setting_up.configuration(path)
    known = setting_up.routing(config)
    if only is not None and only not in config.upstreams:
        setting_up.fail(f"there is no upstream {only!r}; there is {', '.join(config.upstreams)}")
    examined = asyncio.run(_examine(config, known, only))
    for one in examined:
        if one.found.failure is not None:  # an upstream may repeat the key that it refuses
            one.found.failure = masked(one.found.failure, secrets_of(config))
    findings = [finding for one in examined for finding in _findings(one, known)]
    if as_json:
        routes = [{"upstream": one.upstream, **structs.asdict(one.found)} for one in examined]
        click.echo(json.dumps({"routes": routes, "findings": findings}, indent=2))
    else:
        _print(examined, findings, config)
    return 0 if all(one.found.answers for one in examined) else 1


async def _examine(config: Config, known: Directory, only: str | None) -> list[_Examined]:
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str, reached: Examinable, url: str, credential: int) -> _Examined:
        choose = partial(_cheapest, config, known, name)
        async with places:
            return _Examined(name, await examine(reached, url, credential, choose))

    opened = {
        name: upstream(name, one) for name, one in config.upstreams.items() if only in (None, name)
    }
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(one(name, reached, url, number))
                for name, reached in opened.items()
                for number in range(1, max(len(config.upstreams[name].api_keys), 1) + 1)
                for url in config.upstreams[name].base_urls or (IN_PROCESS,)
            ]
        return [task.result() for task in tasks]
    finally:
        for reached in opened.values():
            await reached.transport.aclose()


def _cheapest(
    config: Config, known: Directory, name: str, listed: Sequence[str] | None
) -> str | None:
    """Choose the cheapest model that is configured for an upstream, and that it has."""
    targets = [target for model in config.models.values() for target in model.targets]
    wanted = [target.model for target in targets if target.upstream == name]
    if config.upstreams[name].kind != "openai_compatible":
        wanted += [row.id for row in known.catalog.rows]
    there = [model for model in wanted if listed is None or model in listed]
    return min(there, key=partial(_price, known), default=None)


def _price(known: Directory, model: str) -> int:
    row = find_row(known.catalog, model)
    return row.prices[0].input if row is not None and row.prices else 0


# What it means -----------------------------------------------------------------------------------


def _findings(one: _Examined, known: Directory) -> list[str]:
    found = one.found
    place = f"{one.upstream}, credential {found.credential}, {found.base_url}"
    findings: list[str] = []
    if found.failure is not None:
        findings.append(f"{place}: {found.failure.rstrip('.')}. {_advice(found)}")
    if found.skew is not None and abs(found.skew) > _SKEW:
        findings.append(
            f"{place}: its clock is {found.skew:+.0f} s from ours. Check this machine's time."
        )
    if found.models is not None:
        unknown, missing = _difference(found.models, known)
        if unknown:
            findings.append(
                f"{place}: lists models that the catalog does not know: {', '.join(unknown)}. They "
                "are served by the newest generation's rules, without a price."
            )
        if missing:
            findings.append(f"{place}: does not list {', '.join(missing)}.")
    return findings


def _difference(listed: Sequence[str], known: Directory) -> tuple[list[str], list[str]]:
    """Return what only the upstream has, and what only the catalog has and still should be."""
    catalogued = {row.id: row for row in known.catalog.rows}
    unknown = [model for model in listed if find_row(known.catalog, model) is None]
    rows = [find_row(known.catalog, model) for model in listed]
    there = {row.id for row in rows if row is not None}
    missing = [model for model in catalogued if model not in there]
    return unknown, [model for model in missing if catalogued[model].lifecycle == "active"]


def _advice(found: Checkup) -> str:
    if not found.reachable:
        return "Check the URL, the network or proxy between, and its certificate."
    if found.authenticated is False:
        return "Check the key, and whether it may use this model."
    return "Calls fail over to other routes, if there are any."


# Paper ------------------------------------------------------------------------------------------


def _print(examined: Sequence[_Examined], findings: Sequence[str], config: Config) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("ROUTE", overflow="fold")
    for title in ("REACHED", "KEY", "ANSWERS", "LATENCY", "MODELS", "CLOCK"):
        table.add_column(title, no_wrap=True)
    for one in examined:
        route = f"{one.upstream} ({_credential(one, config)})\n{one.found.base_url}"
        table.add_row(route, *_cells(one.found))
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(table)
    for finding in findings:
        console.print(f"\n{finding}", markup=False, highlight=False)
    well = sum(one.found.answers for one in examined)
    console.print(f"\n{well} of {len(examined)} routes answer.", highlight=False)


def _credential(one: _Examined, config: Config) -> str:
    """Name a credential by where it is kept."""
    keys = config.upstreams[one.upstream].api_keys
    return keys[one.found.credential - 1].secret.reference if keys else "none needed"


def _cells(found: Checkup) -> list[str]:
    key = {None: "-", True: "ok", False: "refused"}[found.authenticated]
    latency = "-" if found.seconds is None else f"{found.seconds * 1000:.0f} ms"
    models = "not listed" if found.models is None else str(len(found.models))
    clock = "-" if found.skew is None else f"{found.skew:+.0f} s"
    reached, answers = ("yes" if true else "no" for true in (found.reachable, found.answers))
    return [reached, key, answers, latency, models, clock]
