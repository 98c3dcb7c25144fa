"""What the file says reaches the part of the gateway that it is about."""

import pytest

from factories import messages as make
from factories.client import ask
from factories.fake_upstream import FakeUpstream, whole
from factories.gateway import running

CONFIGURED = """
[upstreams.main]
kind = "anthropic"
base_urls = ["{url}"]
api_key = "env:UPSTREAM_KEY"

[translation]
default_max_tokens = 321
caching = "{caching}"
"""


@pytest.mark.parametrize(
    ("caching", "length", "mark"),
    [("always", 1, {"type": "ephemeral"}), ("auto", 1, None), ("off", 10_000, None)],
)
def test_settings_of_the_translation_reach_it(tmp_path, caching, length, mark):
    messages = [
        {"role": "user", "content": "a" * length},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "c"},
    ]
    with FakeUpstream() as upstream:
        upstream.will(whole(make.message(make.text("Hi."))))
        with running(tmp_path, CONFIGURED.format(url=upstream.url, caching=caching)) as gateway:
            assert ask(gateway, {"model": "claude-sonnet-4-6", "messages": messages}).status == 200
        (received,) = upstream.requests
        assert received.document["max_tokens"] == 321
        assert received.document.get("cache_control") == mark
