"""``isthmus explain``: what becomes of a chat request, for people or for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from isthmus.cli import setting_up
from isthmus.errors import GatewayError
from isthmus.gateway import explained
from isthmus.routing.plan import Route
from isthmus.serving.explanation import Explanation
from isthmus.translate.applied import Applied
from isthmus.translate.chat_over_messages.applied import refused_by
from isthmus.wire import json as wire_json
from isthmus.wire.chat import errors as chat_errors

_WIDE = 200
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}")
_SHOWN = 40


def run(path: Path | None, body: bytes, model: str | None, *, as_json: bool) -> int:
    """Print the explanation, or why there is none; return the exit code."""
    config = setting_up.configuration(path)
    try:
        explanation = explained(config, body, model)
    except GatewayError as error:
        _print_refusal(error, as_json=as_json)
        return 1
    except ValueError as error:
        setting_up.fail(str(error))
    if as_json:
        click.echo(json.dumps(_document(explanation)))
    else:
        _print(explanation)
    return 0


def _print_refusal(error: GatewayError, *, as_json: bool) -> None:
    rule = refused_by(error.param) if error.param else None
    if as_json:
        said = chat_errors.document(error)["error"]
        click.echo(json.dumps({"error": {**said, "status": error.status, "slug": rule}}))
        return
    place = f" at '{error.param}'" if error.param else ""
    by = f", rule {rule}" if rule else ""
    reason = f"refused with {error.status} {error.code}{place}{by}: {error.message}"
    setting_up.complain(_printable(reason))


def _document(explanation: Explanation) -> dict[str, Any]:
    planned, request = explanation.planned, explanation.request
    return {
        "requested": planned.requested,
        "model": planned.model,
        "substituted": planned.substituted,
        "routes": [
            {"upstream": route.upstream, "model": route.model, "base_url": route.base_url}
            for route in explanation.routes
        ],
        "request": {
            "method": request.method,
            "url": request.url,
            "headers": dict(request.headers),
            "body": wire_json.decode(request.body),
        },
        "fields": [
            {"slug": one.slug, "field": one.field, "kind": one.step, "reason": one.says}
            for one in explanation.fields
        ],
    }


def _print(explanation: Explanation) -> None:
    planned, request = explanation.planned, explanation.request
    asked = "" if planned.requested == planned.model else f"  (asked for: {planned.requested})"
    click.echo(_printable(f"model    {planned.model}{asked}"))
    for number, route in enumerate(explanation.routes, 1):
        click.echo(_printable(f"route {number}  {_place(route)}"))
    click.echo(f"\n{request.method} {request.url}")
    for name, value in request.headers.items():
        click.echo(f"{name}: {value}")
    body = _shortened(wire_json.decode(request.body))
    click.echo("\n" + _printable(json.dumps(body, indent=2, ensure_ascii=False)) + "\n")
    Console(width=None if sys.stdout.isatty() else _WIDE).print(_table(explanation.fields))


def _place(route: Route) -> str:
    return f"{route.upstream}: {route.model} at {route.base_url}"


def _table(fields: Iterable[Applied]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("KIND", "RULE", "FIELD"):
        table.add_column(title, no_wrap=True)
    table.add_column("REASON", overflow="fold")
    for one in fields:
        # Plain text: a field such as messages[0] would be read as markup.
        cells = (one.step, one.slug, one.field, one.says)
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    return table


def _shortened(value: Any) -> Any:
    """Cut long base64 short: images, signatures."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _shortened(member) for name, member in members.items()}
    if isinstance(value, list):
        return [_shortened(entry) for entry in cast("list[Any]", value)]
    if isinstance(value, str) and _BASE64.fullmatch(value):
        return f"{value[:_SHOWN]}... ({len(value):,} characters)"
    return value


def _printable(text: str) -> str:
    """Write out what a terminal would obey instead of show."""
    return "".join(
        char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in text
    )
