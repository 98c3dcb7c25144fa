"""What ``isthmus serve`` prints when it listens: all a newcomer needs, ready to be pasted."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from isthmus.cli.setting_up import callable_at
from isthmus.config import Config
from isthmus.config.address import Address

MODEL = "claude-sonnet-4-6"


def welcome(config: Config, local_key: str | None, metrics_url: str | None) -> None:
    """Print the base URL, a key, a curl line and a snippet.

    ``local_key`` is None where keys are configured: those are named, never shown. ``metrics_url``
    is None where there are no metrics.
    """
    console = Console(highlight=False, soft_wrap=True)
    where = Address(callable_at(config.server.host), config.server.port)
    base_url = f"http://{where}/v1"
    console.print(Text.assemble(("Isthmus", "bold"), " is listening."))
    console.print(_serves(config))
    console.print()
    console.print(f"  Base URL  {base_url}")
    key = local_key or _variable(config)
    if local_key is not None:
        console.print(f"  API key   {local_key}")
    else:
        console.print(f"  API keys  {', '.join(config.keys)} (configured; the examples use {key})")
    if metrics_url is not None:
        console.print(f"  Metrics   {metrics_url}")
    console.print()
    console.print(_curl(base_url, key), markup=False)
    console.print()
    console.print(_python(base_url, local_key, key), markup=False)
    console.file.flush()


def _serves(config: Config) -> Text:
    kinds = {upstream.kind for upstream in config.upstreams.values()}
    if "anthropic" in kinds:
        text = Text("It serves Claude. ")
        text.append("Calls are made with your credential and cost real money.", style="bold")
        return text
    if "openai_compatible" in kinds:
        text = Text("It serves models of other vendors. ")
        text.append("Calls are made with your credential and may cost real money.", style="bold")
        return text
    return Text(
        "It serves the sandbox: answers are simulated and cost nothing.\n"
        "For Claude, start it with ANTHROPIC_API_KEY set, or with a configuration file."
    )


def _variable(config: Config) -> str:
    """Name the variable that the first configured key comes from, as a shell writes it."""
    kind, _, place = next(iter(config.keys.values())).secret.reference.partition(":")
    return f"${place}" if kind == "env" else f"$(cat {place})"


def _curl(base_url: str, key: str) -> str:
    body = f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'
    return (
        f'curl {base_url}/chat/completions -H "Authorization: Bearer {key}" '
        f"-H 'Content-Type: application/json' -d '{body}'"
    )


def _python(base_url: str, local_key: str | None, key: str) -> str:
    if local_key is not None:
        given = f'"{local_key}"'
    elif key.startswith("$("):
        given = f'open("{key[6:-1]}").read().strip()'
    else:
        given = f'os.environ["{key[1:]}"]'
    first = "import os\n\n" if given.startswith("os.") else ""
    return (
        f"{first}from openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{base_url}", api_key={given})\n'
        "answer = client.chat.completions.create(\n"
        f'    model="{MODEL}", messages=[{{"role": "user", "content": "Hello!"}}]\n'
        ")\n"
        "print(answer.choices[0].message.content)"
    )
