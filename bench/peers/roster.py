"""Who takes part: what is installed, how it is configured and started, and who is absent and why.

Everything is told to be quiet: no logs of requests, no telemetry, no look-ups on the network; one
worker. Isthmus's line for each call stays: it cannot be turned off. In commands, files and settings
`{port}`, `{mock}`, `{directory}` and `{installed}` stand for what only the run knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from configurations import GATEWAY, NGINX
from processes import KEY


class Wanted(NamedTuple):
    """What to install from a registry. `package` is the one whose version is shown.

    `registry` is `pypi` or `npm`; `requirement` is what pip takes, or a version of the package;
    `overrides` replaces versions that npm would choose.
    """

    registry: str
    package: str
    requirement: str
    overrides: Mapping[str, str] = {}


class Peer(NamedTuple):
    """One server under measurement. `key` names its files, `model` is what it calls the model."""

    key: str
    name: str
    made_of: str
    command: tuple[str, ...]
    wanted: Wanted | None = None
    files: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}
    dialect: str = "chat"
    path: str = "/v1/chat/completions"
    model: str = "claude-sonnet-4-6"
    headers: str = ""


_GATEWAY = GATEWAY.replace("{upstream}", "http://127.0.0.1:{mock}").replace("{name}", "state")

LITELLM = """
model_list:
  - model_name: claude-sonnet-4-6
    litellm_params:
      model: anthropic/claude-sonnet-4-6
      api_base: http://127.0.0.1:{mock}
      api_key: os.environ/BENCH_KEY
general_settings:
  master_key: os.environ/BENCH_KEY
litellm_settings:
  telemetry: false
  num_retries: 0
"""

LITELLM_COMMAND = (
    *("{installed}/bin/litellm", "--config", "{directory}/litellm.yaml"),
    *("--host", "127.0.0.1", "--port", "{port}", "--num_workers", "1", "--telemetry", "False"),
)

TENSORZERO = """
[gateway]
observability.enabled = false
disable_pseudonymous_usage_analytics = true

[models."claude-sonnet-4-6"]
routing = ["mock"]

[models."claude-sonnet-4-6".providers.mock]
type = "anthropic"
model_name = "claude-sonnet-4-6"
api_base = "http://127.0.0.1:{mock}/v1/"
api_key_location = "env::BENCH_KEY"
"""

# The wheel holds the gateway as a library that listens on a port of its own choice.
TENSORZERO_START = """
import pathlib, sys, threading, types, urllib.parse
from tensorzero import patch_openai_client

client = types.SimpleNamespace(base_url="")
patch_openai_client(client, config_file=sys.argv[1], async_setup=False)
port = pathlib.Path(sys.argv[2])
port.with_suffix(".new").write_text(str(urllib.parse.urlsplit(str(client.base_url)).port))
port.with_suffix(".new").rename(port)
threading.Event().wait()
"""

TENSORZERO_COMMAND = (
    *("{installed}/bin/python", "-W", "ignore", "{directory}/start.py"),
    *("{directory}/tensorzero.toml", "{directory}/port"),
)

PORTKEY = "{installed}/node_modules/@portkey-ai/gateway/build/start-server.js"
PORTKEY_HEADERS = (
    "x-portkey-provider: anthropic\r\nx-portkey-custom-host: http://127.0.0.1:{mock}/v1\r\n"
)

PEERS = (
    Peer(
        "nginx",
        "nginx",
        "C; passes bytes on, translates nothing",
        ("nginx", "-c", "{directory}/nginx.conf"),
        files={"nginx.conf": NGINX.replace("{more}", "").replace("{name}", "nginx")},
        dialect="messages",
        path="/v1/messages",
    ),
    Peer(
        "isthmus",
        "Isthmus",
        "Python",
        ("isthmus", "serve", "--config", "{directory}/isthmus.toml"),
        files={"isthmus.toml": _GATEWAY},
    ),
    Peer(
        "tensorzero",
        "TensorZero",
        "Rust, inside a Python process",
        TENSORZERO_COMMAND,
        wanted=Wanted("pypi", "tensorzero", "tensorzero==2026.6.0"),
        files={"tensorzero.toml": TENSORZERO, "start.py": TENSORZERO_START},
        environment={"RUST_LOG": "error"},
        path="/openai/v1/chat/completions",
        model="tensorzero::model_name::claude-sonnet-4-6",
    ),
    Peer(
        "portkey",
        "Portkey",
        "JavaScript; with `hono` 4.9.7 and `@hono/node-server` 1.13.7, older than npm chooses",
        ("node", PORTKEY, "--headless", "--port={port}"),
        wanted=Wanted(
            "npm",
            "@portkey-ai/gateway",
            "1.15.2",
            {"@hono/node-server": "1.13.7", "hono": "4.9.7"},
        ),
        headers=PORTKEY_HEADERS,
    ),
    Peer(
        "portkey-fresh",
        "Portkey, fresh",
        "JavaScript; with the newest dependencies, as npm installs it",
        ("node", PORTKEY, "--headless", "--port={port}"),
        wanted=Wanted("npm", "@portkey-ai/gateway", "1.15.2"),
        headers=PORTKEY_HEADERS,
    ),
    Peer(
        "litellm",
        "LiteLLM proxy",
        "Python",
        LITELLM_COMMAND,
        # The newest one whose dependencies were all on PyPI.
        wanted=Wanted("pypi", "litellm", "litellm[proxy]==1.106.2"),
        files={"litellm.yaml": LITELLM},
        environment={
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
            "DISABLE_ADMIN_UI": "True",
            "NO_DOCS": "True",
        },
    ),
)

#: Gateways that this machine's package registries cannot give, and why.
ABSENT = {
    "Bifrost": "the npm package `@maximhq/bifrost` 1.6.3 is a launcher that downloads the program "
    "from a server of its maker; the Go module proxy has no such module",
    "agentgateway": "published as a container image and on GitHub; the PyPI package of that name "
    "is another program, and crates.io has none",
    "Envoy AI Gateway": "needs Envoy, which Debian does not package, and is no module of the Go "
    "module proxy",
    "new-api, one-api": "published as container images and on GitHub; not on npm, and no modules "
    "of the Go module proxy",
    "Helicone AI Gateway": "not on npm; the PyPI package `helicone` is a client",
}

assert KEY.startswith("sk-"), "LiteLLM takes no other keys"
