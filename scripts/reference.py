"""Writes ``docs/reference/`` from the code, or says which pages are stale (``--check``)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from isthmus.call import Ending
from isthmus.cli.main import main as command
from isthmus.config import settings
from isthmus.errors import GatewayError, UpstreamRefused
from isthmus.serving.admin import PAGES as PAGES_OF_ADMIN
from isthmus.serving.doors import ROUTES
from isthmus.telemetry.call_metrics import MAX_MODELS, MAX_REASONS
from isthmus.telemetry.series import SERIES
from isthmus.translate.chat_over_messages.ladder import LADDER
from isthmus.translate.ladder import Rule
from isthmus.translate.messages_over_chat.ladder import LADDER as MESSAGES_LADDER
from isthmus.translate.responses_over_messages.ladder import LADDER as RESPONSES_LADDER
from isthmus.translate.translations import TRANSLATIONS, Translation
from isthmus.wire.chat.errors import TYPE_OF
from openai_fields import openai_fields, rules_of

OUT = Path(__file__).parents[1] / "docs" / "reference"
TRANSCRIPTS = Path(__file__).parents[1] / "tests" / "golden" / "cells"
WIDTH = 80  # of the help texts, whatever the terminal's is
HEADER = "<!-- Written by scripts/reference.py; run `make docs` to renew it. -->\n\n"

STEPS = {
    "map": "has an exact counterpart",
    "near": "has a near counterpart; a warning says what was done",
    "drop": "has none and does no harm; a warning names it",
    "refuse": "would change the answer; refused with a 400 that names it",
    "note": "changes nothing; a note says something worth knowing",
}

REQUEST_HEADERS = {
    "authorization": "`Bearer KEY`; or `x-api-key: KEY`. Both are fine if they are the same.",
    "content-type": "`application/json`.",
    "accept": "Anything.",
    "anthropic-version": "On `GET /v1/models`: the answer has the form of the Messages protocol.",
    "x-isthmus-strict": "`1`: every warning becomes a 400.",
    "x-isthmus-timeout": "For how many seconds the client waits; nothing is begun that cannot "
    "end in time. For whole answers the official SDKs say so themselves.",
    "x-isthmus-session": "Any word for the conversation, which stays with one account. "
    "Absent: `x-claude-code-session-id`, `prompt_cache_key`, or how the conversation begins.",
    "x-isthmus-hops": "Through how many gateways the request has come. More than four: 508.",
    "x-isthmus-explain": "`1` on a chat or Responses request: the answer says in the same header "
    "what applied.",
}
RESPONSE_HEADERS = {
    "x-request-id": "The gateway's id of the call. Also as `request-id`.",
    "x-isthmus-model": "The model that the requested name means.",
    "x-isthmus-model-substituted": "Only where another model than the one named answers: which.",
    "x-isthmus-upstream": "The upstream that answered, by its configured name.",
    "x-isthmus-attempts": "How many routes were tried.",
    "x-isthmus-cost": "What a whole answer costs, in dollars, to the billionth. Absent: nobody "
    "knows the price. Translated streams say it in their last comment.",
    "x-isthmus-upstream-id": "The upstream's id of the message.",
    "x-isthmus-upstream-request-id": "The upstream's own id of the call, for its support.",
    "x-isthmus-warnings": "What was changed, clamped or dropped, separated by `; `; at most 2 KiB.",
    "x-isthmus-explain": "The rules that applied, if asked for: `slug=field`, separated by `; `, "
    "changes and notes before mappings; at most 2 KiB, then `+N`.",
    "retry-after": "Whole seconds, 1 to 60: when to try again.",
    "x-should-retry": "`false`: trying again will not help. The official SDKs obey it.",
}


def configuration() -> str:
    """Describe every setting."""
    lines = ["# Configuration reference\n"]
    titles = {
        settings.ServerConfig: "`[server]`",
        settings.ServerTimeoutsConfig: "`[server.timeouts]`",
        settings.UpstreamConfig: "`[upstreams.NAME]`",
        settings.ApiKeyConfig: "`[upstreams.NAME]` `api_keys = [{ ... }]`",
        settings.TimeoutsConfig: "`[upstreams.NAME.timeouts]`",
        settings.ModelConfig: "`[models.NAME]`",
        settings.TargetConfig: "`[models.NAME]` `targets = [{ ... }]`",
        settings.CapabilitiesConfig: "`[models.NAME.capabilities]`",
        settings.RateConfig: "`[models.NAME.prices]`",
        settings.KeyConfig: "`[keys.NAME]`",
        settings.TranslationConfig: "`[translation]`",
        settings.ResponsesConfig: "`[responses]`",
        settings.StorageConfig: "`[storage]`",
        settings.LedgerConfig: "`[ledger]`",
        settings.AdminConfig: "`[admin]`",
    }
    for section, title in titles.items():
        lines.append(f"## {title}\n\n{section.__doc__}\n")
        lines.append("| setting | type | default | meaning |\n|---|---|---|---|")
        lines += [f"| {' | '.join(cells)} |" for cells in _settings(section)]
        lines.append("")
    lines.append(
        '## `[aliases]`\n\nOther names for models: `"name" = "model"`; `"name" = false` '
        "switches an alias off that is shipped.\n"
    )
    lines.append("The file's JSON Schema is [config.schema.json](config.schema.json).")
    return "\n".join(lines) + "\n"


def _settings(section: type[msgspec.Struct]) -> Iterator[tuple[str, str, str, str]]:
    properties = _schema()["$defs"][section.__name__]["properties"]
    required = _schema()["$defs"][section.__name__].get("required", [])
    for field in msgspec.structs.fields(section):
        said = properties[field.name]
        default = "required" if field.name in required else _default(field)
        # An angle bracket would begin an HTML element, which no reader sees.
        meaning = said.get("description", "").replace("<", "&lt;")
        yield f"`{field.name}`", _type(said), default, meaning


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default in (None, (), msgspec.NODEFAULT):
        return ""
    return f"`{json.dumps(field.default)}`"


def _type(said: dict[str, Any]) -> str:
    if "anyOf" in said:
        return " or ".join(_type(one) for one in said["anyOf"] if one.get("type") != "null")
    if "enum" in said:
        return " or ".join(f"`{json.dumps(value)}`" for value in said["enum"])
    if "$ref" in said or "allOf" in said:
        return "table"
    if said.get("type") == "array":
        return f"list of {_type(said['items'])}{'' if 'enum' in said['items'] else 's'}"
    if said["type"] == "number":
        return "number" if "maximum" in said else "seconds"
    return "table" if said["type"] == "object" else said["type"]


def config_schema() -> str:
    """Write the JSON Schema of the configuration file."""
    return json.dumps(_schema(), indent=2) + "\n"


def _schema() -> dict[str, Any]:
    def secret(kind: type) -> dict[str, Any]:
        begins = "(env:|file:|http://)" if kind is settings.ProxyURL else "(env|file):"
        return {"type": "string", "pattern": f"^{begins}.+"}

    (document,), definitions = msgspec.json.schema_components(
        [settings.Config], schema_hook=secret, ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Isthmus configuration",
        **document,
        "$defs": definitions,
    }


def cli() -> str:
    """Repeat what ``--help`` says."""
    lines = ["# Command line\n"]
    context = click.Context(
        command, info_name="isthmus", terminal_width=WIDTH, **command.context_settings
    )
    lines.append(f"```\n{command.get_help(context)}\n```\n")
    for name in command.list_commands(context):
        sub = command.commands[name]
        inner = click.Context(sub, info_name=name, parent=context)
        lines.append(f"## isthmus {name}\n\n```\n{sub.get_help(inner)}\n```\n")
    return "\n".join(lines)


def _ladder(title: str, rules: tuple[Rule, ...]) -> list[str]:
    """Say what becomes of every field that a ladder knows."""
    return [
        f"# Compatibility: {title}\n",
        "What becomes of each field of a request.\n",
        "| step | a field that |\n|---|---|",
        *[f"| {step} | {says} |" for step, says in STEPS.items()],
        "\n| field | step | what happens | rule |\n|---|---|---|---|",
        *[f"| {_code(rule.field)} | {rule.step} | {rule.says} | `{rule.slug}` |" for rule in rules],
    ]


#: The doors, and the pages that say what becomes of each field.
DOORS = {
    "chat": "`POST /v1/chat/completions`",
    "messages": "`POST /v1/messages`",
    "responses": "`POST /v1/responses`",
}
UPSTREAMS = {"messages": "an upstream that speaks Messages", "chat": "one that speaks Chat"}
_EVERY_CELL = (
    "Every door is served over every kind of upstream: in one piece and as a stream, with tools, "
    "thinking, images and errors. Where both speak the same protocol, nothing is translated.\n"
)
LADDER_PAGES = {
    "chat_over_messages": "compatibility.md",
    "messages_over_chat": "compatibility-messages.md",
    "responses_over_messages": "compatibility-responses.md",
}


def translations() -> str:
    """Say how each door is served over each kind of upstream."""
    lines = [
        "# Doors and upstreams\n",
        _EVERY_CELL,
        f"| | {' | '.join(UPSTREAMS.values())} |\n|---|---|---|",
    ]
    cells = {(cell.door, cell.upstream): cell for cell in TRANSLATIONS}
    for door, title in DOORS.items():
        told = " | ".join(_cell(cells[door, upstream]) for upstream in UPSTREAMS)
        lines.append(f"| {title} | {told} |")
    lines.append(
        "\nA model may have targets of both kinds: a call that fails at one goes on at the other. "
        "The transcripts show for each cell what a client asked, what went upstream, and what the "
        "client was told; the tests hold the gateway to them.\n"
    )
    lines.append("| cell | transcripts |\n|---|---|")
    for cell in TRANSLATIONS:
        names = sorted({file.name.split(".")[0] for file in (TRANSCRIPTS / cell.name).iterdir()})
        lines.append(
            f"| [{cell.name}](../../tests/golden/cells/{cell.name}) | {', '.join(names)} |"
        )
    return "\n".join(lines) + "\n"


def _cell(cell: Translation) -> str:
    if not cell.by:
        return "passed on"
    pages = [f"[{name}]({LADDER_PAGES[name]})" for name in cell.by]
    return f"translated: {', then '.join(pages)}"


def responses_compatibility() -> str:
    """Say what becomes of every field of a Responses request."""
    return "\n".join(_ladder("Responses on Claude", RESPONSES_LADDER)) + "\n"


def messages_compatibility() -> str:
    """Say what becomes of every field of a Messages request to other models."""
    return "\n".join(_ladder("Messages on OpenAI-compatible models", MESSAGES_LADDER)) + "\n"


def compatibility() -> str:
    """Say what becomes of every field of a chat request."""
    lines = _ladder("Chat Completions on Claude", LADDER)
    lines.append("\n## Every field of OpenAI's request\n")
    lines.append("As the installed `openai` package declares it, deprecated fields included.\n")
    lines.append("| field | what may become of it | rules |\n|---|---|---|")
    for path in sorted(openai_fields()):
        rules = rules_of(path)
        steps = ", ".join(dict.fromkeys(rule.step for rule in rules))
        slugs = ", ".join(f"`{rule.slug}`" for rule in rules)
        lines.append(f"| `{path}` | {steps} | {slugs} |")
    return "\n".join(lines) + "\n"


def _code(field: str) -> str:
    return ", ".join(f"`{part}`" for part in field.split(", "))


def headers() -> str:
    """List the headers that mean something."""
    lines = ["# Headers\n"]
    for title, table in (("Request", REQUEST_HEADERS), ("Response", RESPONSE_HEADERS)):
        lines.append(f"## {title}\n\n| header | meaning |\n|---|---|")
        lines += [f"| `{name}` | {says} |" for name, says in table.items()]
        lines.append("")
    return "\n".join(lines)


def errors() -> str:
    """List the kinds of errors."""
    lines = [
        "# Errors\n",
        "How each kind is said; [Errors](../errors.md) lists the codes.\n",
        "| kind | status | code | type | when |\n|---|---|---|---|---|",
    ]
    for kind, said in TYPE_OF.items():
        if kind is GatewayError:
            continue
        when = (kind.__doc__ or "").split("\n")[0]
        status = "as told" if kind is UpstreamRefused else kind.default_status
        lines.append(f"| {kind.__name__} | {status} | `{kind.default_code}` | `{said}` | {when} |")
    return "\n".join(lines) + "\n"


def endpoints() -> str:
    """List the doors."""
    lines = ["# Endpoints\n", "| method | path | key | |\n|---|---|---|---|"]
    lines += [f"| {r.method} | `{r.path}` | {r.key} | {r.says} |" for r in ROUTES]
    lines.append(
        "\nA trailing slash means the same. Anything else is a 404, or a 401 without a key."
    )
    lines.append("\n## The admin listener\n\n| method | path | key | |\n|---|---|---|---|")
    lines += [f"| GET | `{path}` | not needed | {says} |" for path, says in PAGES_OF_ADMIN.items()]
    lines.append(
        "\nIt listens where `[admin] listen` says: on 127.0.0.1 at the port after the server's, if "
        "that is not set. It asks for no key, so whoever reaches the address can read the metrics. "
        "Requests must name the configured host, a loopback name or an IP address in `Host`; "
        "others are a 403, so that no page in a browser can read it through a name of its own."
    )
    return "\n".join(lines) + "\n"


def metrics() -> str:
    """List the series."""
    lines = [
        "# Metrics\n",
        "What the [admin listener](endpoints.md) tells Prometheus at `/metrics`.\n",
        "| series | type | labels | meaning |\n|---|---|---|---|",
    ]
    for series in SERIES:
        labels = ", ".join(f"`{label}`" for label in series.labels)
        lines.append(f"| `{series.name}` | {series.kind} | {labels} | {series.says} |")
    lines.append(
        f"\n`endpoint` is the path of a route, or `other`. `model` is what the requested name "
        f"means, and empty for calls that named none; after {MAX_MODELS} different ones it is "
        f"`other`, as is `reason` after {MAX_REASONS}. `status` is `none` where the client left "
        f"before there was one. `ending` is one of {_listed(get_args(Ending))}; `refused` means "
        "that the client got an error as a whole answer, `failed` that one was under way.\n"
    )
    lines.append("| histogram | upper bounds of the buckets, in seconds |\n|---|---|")
    for series in SERIES:
        if series.buckets:
            bounds = ", ".join(f"{bound:g}" for bound in series.buckets)
            lines.append(f"| `{series.name}` | {bounds} |")
    lines.append(
        "\nSeveral worker processes are added up; of some gauges the largest or smallest is told: "
        + ", ".join(f"`{s.name}` ({s.merge})" for s in SERIES if s.merge != "sum")
        + "."
    )
    return "\n".join(lines) + "\n"


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in words)


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "config.schema.json": config_schema,
    "cli.md": cli,
    "compatibility.md": compatibility,
    "compatibility-messages.md": messages_compatibility,
    "compatibility-responses.md": responses_compatibility,
    "translations.md": translations,
    "headers.md": headers,
    "errors.md": errors,
    "endpoints.md": endpoints,
    "metrics.md": metrics,
}


def pages() -> dict[Path, str]:
    """Make every page."""
    return {
        OUT / name: (HEADER if name.endswith(".md") else "") + make()
        for name, make in PAGES.items()
    }


def main() -> int:
    """Write the pages, or check them."""
    if "--check" not in sys.argv[1:]:
        for path, text in pages().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return 0
    stale = [
        path for path, text in pages().items() if not path.is_file() or path.read_text() != text
    ]
    for path in stale:
        print(f"stale: {path.name}; run `make docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
