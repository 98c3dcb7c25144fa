"""The clients as they are installed, and a gateway on its sandbox for them to talk to."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from factories.gateway import Gateway, running

ROOT = Path(__file__).parents[1]
BIN = ROOT / "build" / "clients" / "node_modules" / ".bin"
SANDBOX = '[upstreams.box]\nkind = "sandbox"\n'

Run = Callable[..., str]

CALM = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
}
CODEX_MODEL = "claude-sonnet-4-6"
CONFIG = """
model = "{model}"
model_provider = "isthmus"

[model_providers.isthmus]
name = "Isthmus"
base_url = "{base_url}"
env_key = "ISTHMUS_KEY"
wire_api = "responses"
"""


@pytest.fixture
def gateway(tmp_path: Path) -> Generator[Gateway]:
    folder = tmp_path / "gateway"
    folder.mkdir()
    with running(folder, SANDBOX) as started:
        yield started


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a client in an empty home, in a folder of its own; return what it said."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()

    def start(name: str, *arguments: str, **environment: str) -> str:
        program = BIN / name
        if not program.exists():
            pytest.fail(f"{name} is not installed: run `make clients`")
        base = {"PATH": os.environ["PATH"], "HOME": str(home), **environment}
        ended = subprocess.run(
            [program, *arguments],
            cwd=folder,
            env=base,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    return start


@pytest.fixture
def asked(gateway: Gateway) -> Callable[..., list[str]]:
    """Return the log lines of all calls to an endpoint; they are written a moment later."""

    def lines(endpoint: str, at_least: int = 1) -> list[str]:
        deadline = time.monotonic() + 5
        while True:
            logged = gateway.logged().splitlines()
            found = [line for line in logged if f" endpoint={endpoint} " in line]
            if len(found) >= at_least:
                return found
            assert time.monotonic() < deadline, logged
            time.sleep(0.02)

    return lines


@pytest.fixture
def model() -> str | None:
    """The model that the clients are set up for; None: one that they choose."""
    return None


@pytest.fixture
def claude(run: Run, gateway: Gateway, model: str | None) -> Run:
    """Run Claude Code; return what it said."""
    options = ("--permission-mode", "acceptEdits", *(("--model", model) if model else ()))
    names = {
        "ANTHROPIC_BASE_URL": gateway.base_url.removesuffix("/v1"),
        "ANTHROPIC_AUTH_TOKEN": gateway.key,
        **CALM,
    }
    return lambda prompt: run("claude", "-p", prompt, *options, **names)


@pytest.fixture
def codex(run: Run, gateway: Gateway, model: str | None, tmp_path: Path) -> Run:
    """Run Codex; return what it said."""
    home = tmp_path / "codex"
    home.mkdir()
    config = CONFIG.format(base_url=gateway.base_url, model=model or CODEX_MODEL)
    (home / "config.toml").write_text(config)
    options = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
    names = {"CODEX_HOME": str(home), "ISTHMUS_KEY": gateway.key}
    return lambda prompt: run("codex", "exec", *options, prompt, **names)


# The summary -------------------------------------------------------------------------------------

#: Programs by the tests that try them: how they are called, and where their version stands.
TRIED = {
    "test_claude_code.py": ("Claude Code", "@anthropic-ai/claude-code"),
    "test_codex.py": ("Codex", "@openai/codex"),
    "test_connect.py": ("isthmus connect", ""),
    "test_other_models.py": ("Claude Code, Codex on another vendor's model", ""),
    "openai.mjs": ("OpenAI SDK for TypeScript", "openai"),
    "anthropic.mjs": ("Anthropic SDK for TypeScript", "@anthropic-ai/sdk"),
    "langchain.py": ("LangChain (langchain-openai)", "langchain_openai"),
    "agents.py": ("Pydantic AI", "pydantic_ai_slim"),
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say of each client which version was tried, and how it went."""
    reports = [
        report
        for outcome in ("passed", "failed", "error")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call" or report.failed
    ]
    terminalreporter.write_line("")
    for key, (title, package) in TRIED.items():
        of_it = [report for report in reports if key in report.nodeid]
        if of_it:
            well = sum(report.passed for report in of_it)
            verdict = "passed" if well == len(of_it) else "FAILED"
            tried = f"{well} of {len(of_it)} {verdict}"
            terminalreporter.write_line(f"{title:46}{_version(package):12}{tried}")


def _version(package: str) -> str:
    """Return the installed version of a package of either registry."""
    described = ROOT / "build" / "clients" / "node_modules" / package / "package.json"
    if package and described.is_file():
        return str(json.loads(described.read_text())["version"])
    places = f"build/clients/*/lib/python3*/site-packages/{package}-*.dist-info"
    found = next(ROOT.glob(places), None) if package else None
    return "" if found is None else found.name.removesuffix(".dist-info").rpartition("-")[2]
