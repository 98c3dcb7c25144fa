"""The commands, as a person runs them."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from factories.gateway import free_port
from isthmus import __version__


def run(*arguments: str, timeout: float = 20, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "isthmus", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def served(state: Path, *arguments: str, **environment: str) -> tuple[str, str]:
    """Start the server, stop it once it listens, and return what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "isthmus", *arguments],
        env={**os.environ, "ISTHMUS_STATE": str(state), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    printed = ""
    while "print(answer" not in printed and (line := process.stdout.readline()):
        printed += line
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=10)
    return printed + rest, errors


def test_version_is_told():
    assert run("--version").stdout == f"isthmus {__version__}\n"


@pytest.mark.parametrize(
    "command", [(), ("serve",), ("check",), ("models",), ("explain",), ("chat",), ("sandbox",)]
)
def test_every_help_has_an_example(command):
    shown = run(*command, "--help").stdout
    assert "Example" in shown
    assert "\\b" not in shown
    assert "isthmus" in shown.partition("Example")[2]


def test_check_says_what_would_be_served(tmp_path):
    file = tmp_path / "isthmus.toml"
    file.write_text(
        '[upstreams.main]\nkind = "anthropic"\nbase_urls = ["http://a/v1", "http://b"]\n'
        'api_key = "env:A"\n[keys.dev]\nsecret = "env:B"\n[aliases]\n"best" = "claude-opus-5-5"\n'
    )
    shown = run("check", "--config", str(file), A="sk-secret", B="b-secret-of-length")
    assert shown.returncode == 0
    for text in ("http://a/v1/messages", "http://b/v1/messages", "dev: env:B", "best: claude-opus"):
        assert text in shown.stdout
    assert "secret-of" not in shown.stdout


def test_check_names_the_proxy_without_its_password(tmp_path):
    file = tmp_path / "isthmus.toml"
    file.write_text('[upstreams.a]\nkind = "anthropic"\napi_key = "env:A"\nproxy = "env:P"')
    url = "http://me:correct-horse@proxy.example:3128"
    shown = run("check", "--config", str(file), A="sk-secret", P=url).stdout
    assert "https://api.anthropic.com/v1/messages, by the proxy proxy.example:3128\n" in shown
    assert "horse" not in shown


@pytest.mark.parametrize("command", ["check", "serve", "models"])
def test_wrong_configuration_is_one_line_and_exit_code_2(tmp_path, command):
    file = tmp_path / "isthmus.toml"
    file.write_text('[upstreams.box]\nkind = "sandbox"\nport = 1\n')
    shown = run(command, "--config", str(file))
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.count("\n") == 1
    assert "isthmus.toml:3: upstreams.box.port" in shown.stderr


@pytest.mark.parametrize(
    "alias", ['"a" = "b"\n"b" = "a"', '"a" = "no-such-model"', '"claude-opus-5" = false']
)
def test_alias_that_leads_nowhere_is_told_by_check_and_serve(tmp_path, alias):
    file = tmp_path / "isthmus.toml"
    file.write_text(f'[upstreams.box]\nkind = "sandbox"\n[aliases]\n{alias}\n')
    for command in ("check", "serve"):
        assert run(command, "--config", str(file), ISTHMUS_STATE=str(tmp_path)).returncode == 2


def test_models_are_listed_with_limits_and_prices():
    shown = run("models").stdout
    row = next(line for line in shown.splitlines() if line.startswith("claude-opus-5-5"))
    assert "1M" in row
    assert "20.00" in row
    assert "claude-3.7-sonnet -> claude-sonnet-4-6" in shown


def test_models_are_listed_as_the_operator_corrected_them(tmp_path):
    file = tmp_path / "isthmus.toml"
    file.write_text(
        '[upstreams.box]\nkind = "sandbox"\n'
        "[models.claude-opus-5.prices]\ninput = 1.25\noutput = 7\ncache_read = 0\n"
        '[models.mine]\ntargets = [{ upstream = "box", model = "claude-haiku-5-5" }]\n'
        "capabilities = { max_output_tokens = 9000 }\n"
    )
    lines = run("models", "--config", str(file)).stdout.splitlines()
    rows = {line.split()[0]: line.split() for line in lines}
    assert {"1.25", "7.00", "corrected"} <= set(rows["claude-opus-5"])
    assert {"9k", "0.10+", "configured"} <= set(rows["mine"])
    assert "corrected  mine: max_output_tokens" in run("check", "--config", str(file)).stdout


@pytest.mark.parametrize("command", ["check", "serve", "models", "chat"])
def test_correction_that_does_not_fit_is_told_with_its_line(tmp_path, command):
    file = tmp_path / "isthmus.toml"
    file.write_text(
        '[upstreams.box]\nkind = "sandbox"\n[models."claude-opus-5".capabilities]\n\n'
        'efforts = ["low"]\n'
    )
    text = ("Hi",) if command == "chat" else ()
    shown = run(command, "--config", str(file), *text)
    assert shown.returncode == 2
    assert "isthmus.toml:5: models.claude-opus-5.capabilities.efforts: 'high'" in shown.stderr


def test_first_start_prints_what_works_as_pasted(tmp_path):
    port = free_port()
    shown, _ = served(tmp_path / "state", "serve", "--port", str(port))
    assert f"http://127.0.0.1:{port}/v1" in shown
    key = re.search(r"isk-\w{8}_\w{49}", shown)
    assert key
    assert shown.count(key.group()) == 3
    assert "simulated" in shown


def test_key_is_made_once_and_kept_private(tmp_path):
    shown = [served(tmp_path / "state", "serve", "--port", "0")[0] for _ in range(2)]
    first, second = (re.search(r"isk-\w+", text).group() for text in shown)
    assert first == second
    file = tmp_path / "state" / "client-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().strip() == first


def test_real_credential_is_said_to_cost_money(tmp_path):
    shown, _ = served(tmp_path, "serve", "--port", "0", ANTHROPIC_API_KEY="sk-ant-secret")
    assert "cost real money" in shown
    assert "sk-ant-secret" not in shown


def test_plain_command_serves(tmp_path):
    file = tmp_path / "unused"
    with socket.create_server(("127.0.0.1", 4100)) if _is_free(4100) else file.open("w"):
        shown = run(ISTHMUS_STATE=str(tmp_path))
    assert shown.returncode == 2
    assert "cannot listen on 127.0.0.1:4100" in shown.stderr


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_state_directory_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "file").write_text("")
    shown, errors = served(tmp_path / "file" / "below", "serve", "--port", "0")
    assert "isk-" in shown
    assert "warning" in errors


def test_address_that_others_reach_needs_keys():
    shown = run("serve", "--host", "0.0.0.0")
    assert shown.returncode == 2
    assert "keys" in shown.stderr


def test_chat_streams_an_answer_to_the_terminal():
    shown = run("chat", "Hello, box!")
    assert shown.returncode == 0
    assert "Hello, box!" in shown.stdout


def test_chat_takes_a_model_and_shows_what_it_thinks():
    shown = run("chat", "claude-opus-5-5", 'Why? [[sandbox: text="Because."]]')
    assert "think" in shown.stdout
    assert shown.stdout.endswith("\n\nBecause.\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("gpt-4o", "Hi"), 1, "no model 'gpt-4o'"),
        (("[[sandbox: fail=529]]",), 1, "told to fail"),
        (("[[sandbox: tokens=9 break=3]]",), 1, "broke off"),
        (("a", "b", "c"), 2, "TEXT"),
    ],
)
def test_chat_tells_what_went_wrong(arguments, code, words):
    shown = run("chat", *arguments)
    assert shown.returncode == code
    assert words in shown.stderr


def test_stored_responses_and_several_workers_do_not_go_together(tmp_path):
    file = tmp_path / "isthmus.toml"
    file.write_text('[upstreams.box]\nkind = "sandbox"\n[responses]\nstore = true\n')
    ended = run("serve", "--config", str(file), "--workers", "2", ISTHMUS_STATE=str(tmp_path))
    assert (ended.returncode, "needs --workers 1" in ended.stderr) == (2, True)


def test_vendors_are_checked_and_shown(tmp_path):
    file = tmp_path / "isthmus.toml"
    text = '[upstreams.v]\nkind = "openai_compatible"\nbase_urls = ["https://v.example"]\n'
    file.write_text(text + 'passthrough = ["/v1/embeddings"]\n')
    shown = run("check", "--config", str(file)).stdout
    assert "v: openai_compatible, https://v.example/v1/chat/completions" in shown
    assert "v: /v1/embeddings" in shown
    file.write_text(text + 'vendor = "opnai"\n')
    wrong = run("check", "--config", str(file))
    assert (wrong.returncode, "isthmus.toml:4: upstreams.v.vendor" in wrong.stderr) == (2, True)
