"""The command ``isthmus`` and its subcommands. Each imports what it needs when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import click

from isthmus import __version__

if TYPE_CHECKING:
    from isthmus.cli.usage import Form

CONFIG = click.option(
    "--config",
    "-c",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The configuration file. Without one: Claude if ANTHROPIC_API_KEY is set, else the "
    "sandbox.",
)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="isthmus", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Serve Claude to every program that speaks the OpenAI API.

    Without a command: the same as `isthmus serve`.

    \b
    Examples:
      isthmus                                  serve the sandbox on 127.0.0.1:4100
      ANTHROPIC_API_KEY=sk-ant-... isthmus     serve Claude; this costs money
      isthmus serve --config isthmus.toml      serve what the file says
      isthmus chat "Why is the sky blue?"      ask once, without a server
    """  # noqa: D301 - click wants the control character
    if context.invoked_subcommand is None:
        context.invoke(serve)


HOST = click.option("--host", metavar="H", help="Listen on this address instead.")
PORT = click.option(
    "--port", "-p", type=click.IntRange(0, 65535), metavar="N", help="Or on this port."
)
WORKERS = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    metavar="N",
    help="How many processes share the work; one for each core is plenty.",
)


@main.command()
@CONFIG
@HOST
@PORT
@WORKERS
def serve(
    config: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    workers: int = 1,
) -> None:
    """Serve the gateway until it is stopped.

    Prints the base URL, the key and examples that work as pasted. Ctrl-C stops it: running answers
    get two seconds to finish. SIGTERM drains: /readyz says 503, running answers get two minutes.
    SIGHUP reads the configuration anew, and so does a change of its file; SIGUSR2 replaces the
    workers, one after the other, without refusing or breaking off anything.

    \b
    Examples:
      isthmus serve
      isthmus serve --port 8080
      isthmus serve --config isthmus.toml --workers 4

    Exits with 2 if the configuration cannot be used or the address is taken.
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.serve import Given, run  # noqa: PLC0415

    sys.exit(run(Given(path=config, host=host, port=port, workers=workers)))


@main.command(hidden=True)
@CONFIG
@HOST
@PORT
@WORKERS
@click.argument("listener", type=int)
@click.argument("channel", type=int)
def worker(
    config: Path | None,
    host: str | None,
    port: int | None,
    workers: int,
    listener: int,
    channel: int,
) -> None:
    """Serve as one of several workers: started by `isthmus serve --workers` and nobody else."""
    from isthmus.cli.serve import Given, work  # noqa: PLC0415

    given = Given(path=config, host=host, port=port, workers=workers)
    sys.exit(work(given, listener, channel))


@main.command()
@CONFIG
def check(config: Path | None) -> None:
    """Say what would be served, or what is wrong and where; start nothing.

    \b
    Example:
      isthmus check --config isthmus.toml && systemctl reload isthmus

    Exits with 2 if the configuration cannot be used. Secrets are looked up, never shown.
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.check import run  # noqa: PLC0415

    sys.exit(run(config))


@main.command()
@CONFIG
@click.option("--upstream", metavar="NAME", help="Try only this one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
def doctor(config: Path | None, upstream: str | None, as_json: bool) -> None:
    """Try every upstream, by every route: reachable, key accepted, answers, models, clock.

    Each route is asked for its models and for an answer of one token, which costs a fraction of a
    cent.

    \b
    Example:
      isthmus doctor --config isthmus.toml

    Exits with 1 if a route does not answer, with 2 if the configuration cannot be used.
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.doctor import run  # noqa: PLC0415

    sys.exit(run(config, upstream, as_json=as_json))


@main.command()
@CONFIG
@click.argument("client", required=False)
@click.option("--url", metavar="URL", help="The gateway's URL instead of this machine's.")
@click.option("--key", metavar="KEY", help="The key to use instead of the one made here.")
@click.option("--model", "-m", metavar="M", help="The model to use.")
@click.option("--write", is_flag=True, help="Set the client's own file up.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def connect(client: str | None, **options: Any) -> None:
    """Say what a program needs to use the gateway; without a name, list the programs.

    \b
    Examples:
      isthmus connect
      isthmus connect openai
      isthmus connect claude-code --write
      isthmus connect codex --url https://gateway.example.com --key isk-...

    --write changes the client's own file, shows what changes, keeps everything else that is there,
    and the file as it was beside it.
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.connect import Wanted, run  # noqa: PLC0415

    config = options.pop("config")
    sys.exit(run(config, Wanted(name=client, **options)))


@main.command()
@CONFIG
@click.option(
    "--by",
    type=click.Choice(["key", "model", "upstream", "day", "hour"]),
    multiple=True,
    default=("model",),
    show_default=True,
    help="How to group; may be given several times.",
)
@click.option("--since", default="7d", show_default=True, metavar="TIME", help="24h, 7d or 4w.")
@click.option("--json", "form", flag_value="json", help="Print one JSON list instead.")
@click.option("--csv", "form", flag_value="csv", help="Print CSV instead.")
def usage(config: Path | None, by: tuple[str, ...], since: str, form: str | None) -> None:
    """Say what was used and spent, from the ledger of the gateway on this machine.

    \b
    Examples:
      isthmus usage
      isthmus usage --by key --by model --since 24h
      isthmus usage --by day --since 4w --csv > november.csv

    Whole hours are counted. Works beside a running gateway, which writes what has ended four times
    a second. Costs are dollars, exact to the billionth in JSON and CSV.
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.usage import run  # noqa: PLC0415

    sys.exit(run(config, by, since, cast("Form", form or "table")))


@main.command()
@CONFIG
def models(config: Path | None) -> None:
    """List the models: names, limits, capabilities and prices.

    Prices are US dollars per million tokens, for prompts, answers and cached prompts.

    \b
    Example:
      isthmus models | grep opus
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.models import run  # noqa: PLC0415

    sys.exit(run(config))


@main.command()
@CONFIG
@click.argument("words", nargs=-1, required=True, metavar="[MODEL] TEXT")
def chat(config: Path | None, words: tuple[str, ...]) -> None:
    """Ask once and stream the answer to the terminal, thinking dim.

    Needs no running server. With two arguments the first is the model.

    \b
    Examples:
      isthmus chat "Why is the sky blue?"
      isthmus chat claude-opus-5-5 "Prove that there is no largest prime."
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.chat import run  # noqa: PLC0415

    match words:
        case (text,):
            sys.exit(run(config, None, text))
        case (model, text):
            sys.exit(run(config, model, text))
        case _:
            raise click.UsageError("Give one TEXT, in quotes, and before it at most a MODEL.")


@main.command()
@CONFIG
@click.option(
    "--file",
    "-f",
    "request",
    type=click.File("rb"),
    required=True,
    metavar="FILE",
    help="The chat request, as JSON; - reads standard input.",
)
@click.option("--model", "-m", metavar="M", help="Explain it for this model instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing shortened.")
def explain(config: Path | None, request: BinaryIO, model: str | None, *, as_json: bool) -> None:
    """Show what a chat request becomes for Claude; call nobody.

    Prints the model and the routes, the request that would be sent, and what became of each field.

    \b
    Examples:
      isthmus explain --file request.json
      isthmus explain --file request.json --model claude-opus-5-5
      echo "$BODY" | isthmus explain --json --file - | jq .request.body

    Exits with 1 if the request would be refused, with 2 if it cannot be read.
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.explain import run  # noqa: PLC0415

    sys.exit(run(config, request.read(), model, as_json=as_json))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="H", help="Address.")
@click.option(
    "--port", "-p", default=4110, show_default=True, type=click.IntRange(0, 65535), metavar="N"
)
def sandbox(host: str, port: int) -> None:
    """Serve the simulator of the Messages API alone, for tests of Anthropic SDK programs.

    It follows Claude's rules, makes its answers up, and obeys directives in the prompt: see
    docs/sandbox.md. Any key will do.

    \b
    Example:
      isthmus sandbox --port 4110 &
      ANTHROPIC_BASE_URL=http://127.0.0.1:4110 ANTHROPIC_API_KEY=any pytest
    """  # noqa: D301 - click wants the control character
    from isthmus.cli.sandbox import run  # noqa: PLC0415

    sys.exit(run(host, port))
