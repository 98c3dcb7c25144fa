"""``isthmus sandbox``."""

from __future__ import annotations

import click

from isthmus.cli import setting_up
from isthmus.sandbox.app import application
from isthmus.serving.asgi import Hosted
from isthmus.serving.listener import bound
from isthmus.serving.server import Draining, Hooks, serve

MODEL = "claude-sonnet-4-6"


def run(host: str, port: int) -> int:
    """Serve the simulator until a signal; return the exit code."""
    try:
        listener = bound(host, port)
    except OSError as error:
        setting_up.fail(f"cannot listen on {host}:{port}: {error.strerror}")
    return serve(
        Hosted(application()),
        listener,
        draining=Draining(delay=0),
        hooks=Hooks(on_listening=lambda at: _welcome(host, at)),
    )


def _welcome(host: str, port: int) -> None:
    base_url = f"http://{host}:{port}"
    body = (
        f'{{"model":"{MODEL}","max_tokens":100,"messages":[{{"role":"user","content":"Hello!"}}]}}'
    )
    click.echo(
        "The sandbox is listening: the Messages API, simulated. Any key will do.\n\n"
        f"  Base URL  {base_url}\n\n"
        f"curl {base_url}/v1/messages -H 'anthropic-version: 2023-06-01' -H 'x-api-key: any' "
        f"-H 'content-type: application/json' -d '{body}'"
    )
