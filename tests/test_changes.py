"""A change that only a restart can make is named, and every file of a secret is watched."""

import pytest

from isthmus.config import Config, Secret, ServerConfig, UpstreamConfig
from isthmus.config.changes import files_of, needs_restart
from isthmus.config.settings import ProxyURL


def configured(*secrets: Secret, **server: object) -> Config:
    return Config(server=ServerConfig(secrets=secrets, **server))


ONE, OTHER = Secret("1" * 32, "env:ONE"), Secret("2" * 32, "file:/other")


@pytest.mark.parametrize("read", [configured(OTHER), configured(ONE, OTHER), configured()])
def test_other_secrets_take_a_restart(read):
    assert needs_restart(configured(ONE), read) == ["server.secrets"]


def test_same_secrets_from_another_place_take_none():
    assert needs_restart(configured(ONE), configured(Secret("1" * 32, "file:/one"))) == []


def test_all_that_takes_a_restart_is_named():
    assert needs_restart(configured(ONE), configured(port=1)) == ["server.port", "server.secrets"]


def test_files_of_server_secrets_are_listed():
    assert [str(file) for file in files_of(configured(ONE, OTHER))] == ["/other"]


def test_file_of_a_proxy_is_listed():
    url = ProxyURL("http://a:b@c:1", "file:/proxy")
    config = Config(upstreams={"main": UpstreamConfig(kind="anthropic", proxy=url)})
    assert [str(file) for file in files_of(config)] == ["/proxy"]
