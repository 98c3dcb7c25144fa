"""The reference pages say what the code says."""

import importlib.util
import re
from pathlib import Path

import msgspec
import pytest

import openai_fields
from isthmus.config import settings
from isthmus.serving import admin
from isthmus.serving.doors import ROUTES
from isthmus.telemetry.series import BY_NAME, SERIES
from isthmus.translate.chat_over_messages.ladder import LADDER
from isthmus.translate.messages_over_chat.ladder import LADDER as MESSAGES_LADDER
from isthmus.translate.responses_over_messages.ladder import LADDER as RESPONSES_LADDER
from isthmus.wire.chat import shape

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
SOURCE = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))


def script():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("path", "text"), script().pages().items(), ids=lambda p: getattr(p, "name", "")
)
def test_page_is_up_to_date(path, text):
    assert path.read_text() == text


def test_every_header_of_ours_is_described():
    page = (PAGES / "headers.md").read_text()
    for header in set(re.findall(r'"(x-isthmus-[a-z-]+)"', SOURCE)):
        assert f"`{header}`" in page


def test_every_setting_is_described():
    page = (PAGES / "configuration.md").read_text()
    for section in settings.SECTIONS[1:]:
        for field in msgspec.structs.fields(section):
            assert f"| `{field.name}` |" in page


def test_every_error_code_is_described():
    page = (ROOT / "docs" / "errors.md").read_text()
    codes = re.findall(r'(?:code=|default_code = |Telling\(\d+, )\s*"([a-z_]+)"', SOURCE)
    for code in set(codes) - {"upstream_refused"}:
        assert f"`{code}`" in page, code


def test_every_door_is_described():
    page = (PAGES / "endpoints.md").read_text()
    assert all(f"| {route.method} | `{route.path}` |" in page for route in ROUTES)


def test_every_series_is_described():
    page = (PAGES / "metrics.md").read_text()
    for series in SERIES:
        assert f"| `{series.name}` | {series.kind} |" in page
    assert set(re.findall(r'"(isthmus_[a-z_]+)"', SOURCE)) <= BY_NAME.keys()


def test_every_page_of_the_admin_listener_is_described():
    page = (PAGES / "endpoints.md").read_text()
    assert all(f"| GET | `{path}` |" in page for path in admin.PAGES)


@pytest.mark.parametrize(
    ("name", "ladder"),
    [
        ("compatibility.md", LADDER),
        ("compatibility-messages.md", MESSAGES_LADDER),
        ("compatibility-responses.md", RESPONSES_LADDER),
    ],
)
def test_every_rule_is_described(name, ladder):
    page = (PAGES / name).read_text()
    assert all(f"`{rule.slug}`" in page for rule in ladder)
    assert len({rule.slug for rule in ladder}) == len(ladder)


@pytest.mark.parametrize("path", openai_fields.openai_fields())
def test_every_field_of_the_installed_openai_package_has_a_rule(path):
    assert openai_fields.rules_of(path), f"the ladder does not name {path}"
    assert f"| `{path}` |" in (PAGES / "compatibility.md").read_text()


def test_every_top_level_field_of_the_installed_openai_package_is_known():
    tops = {path for path in openai_fields.openai_fields() if path.isidentifier()}
    assert {"model", "messages", "functions", "stream", "web_search_options"} <= tops
    assert tops <= shape.KNOWN_FIELDS


@pytest.mark.parametrize("path", ["prompt", "content[].new", "tools[].function.new", "stop.new"])
def test_a_field_that_the_ladder_does_not_name_is_noticed(path):
    assert openai_fields.rules_of(path) == []


def test_nothing_is_said_of_fields_that_the_package_does_not_have():
    paths = set(openai_fields.openai_fields())
    assert set(openai_fields.IN_OTHER_WORDS) <= paths
    assert set(openai_fields.WHOLE) <= paths
