"""What the documentation shows works."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from factories.gateway import free_port
from isthmus.config import load

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
#: What a page may leave out when it shows a part of a file.
UPSTREAMS = '[upstreams.main]\nkind = "sandbox"\n[upstreams.spare]\nkind = "sandbox"\n'
VARIABLES = (
    *("ANTHROPIC_API_KEY", "ISTHMUS_KEY", "ANN_KEY", "SPARE_KEY", "NEW_SECRET", "OLD_SECRET"),
    *("DEEPSEEK_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"),
)
ENVIRONMENT = {
    name: name * 4 for name in (*VARIABLES, *(f"KEY_{which}" for which in ("ONE", "TWO", "THREE")))
}
ENVIRONMENT["PROXY_URL"] = "http://user:password@proxy.example.com:3128"


def blocks(language: str) -> list[tuple[str, str]]:
    found = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [(page.name, text) for page in PAGES for text in found.findall(page.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize(("page", "text"), blocks("toml"))
def test_configurations_load(tmp_path, page, text):
    file = tmp_path / "isthmus.toml"
    secret = tmp_path / "ci_key"
    secret.write_text("c" * 20)
    text = text.replace("/run/secrets/ci_key", str(secret))
    file.write_text(text if "[upstreams" in text else UPSTREAMS + text)
    assert load(file, ENVIRONMENT).upstreams, page


@pytest.mark.parametrize(("page", "text"), blocks("python"))
def test_python_compiles(page, text):
    compile(text, page, "exec")


def test_both_readmes_begin_with_the_two_commands_and_show_the_same():
    english, chinese = ((ROOT / name).read_text() for name in ("README.md", "README.zh-CN.md"))
    count = english.count("```")
    for text in (english, chinese):
        first = text.split("```")[1]
        assert "make serve" in first
        assert "make test" in first
        assert text.count("```") == count


def in_ci(language: str) -> str:
    """Return the example for a CI in a language."""
    chapter = (ROOT / "docs" / "sandbox.md").read_text().split("## In your own CI")[1]
    return chapter.split(f"```{language}\n")[1].split("```")[0]


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as the documentation's reader would, with `isthmus` on the PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "TMPDIR": str(folder)}
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def test_pytest_example_for_a_ci_passes(tmp_path):
    (tmp_path / "test_ci.py").write_text(in_ci("python"))
    ran = run(tmp_path, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_ci.py")
    assert "2 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_shell_example_for_a_ci_passes(tmp_path):
    script = in_ci("sh").replace("4117", str(free_port()))
    ran = run(tmp_path, "sh", "-c", script)
    assert ran.returncode == 0, ran.stderr
    assert "Hello, CI." in ran.stdout
