"""A proxy is taken apart, and what of it is secret is known."""

from pathlib import Path

import pytest

from isthmus.config import Secret, load
from isthmus.config.proxy import Proxy, proxy, secrets_of

MAIN = '[upstreams.main]\nkind = "anthropic"\napi_key = "env:KEY"\n'
URL = "http://me:correct%20horse@proxy.example:3128"
#: me:correct horse
BASIC = "bWU6Y29ycmVjdCBob3JzZQ=="


def written(url: str) -> Secret:
    return Secret(url, "env:PROXY")


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://127.0.0.1:3128", "127.0.0.1", 3128),
        ("http://[::1]:80/", "::1", 80),
        ("http://b\u00fccher.example:1", "xn--bcher-kva.example", 1),
    ],
)
def test_host_and_port_are_taken(url, host, port):
    assert proxy(written(url)) == Proxy(host, port)


def test_credentials_are_those_of_basic_and_do_not_show():
    found = proxy(written(URL))
    assert found.credentials is not None
    assert found.credentials.reveal() == BASIC
    assert BASIC not in repr(found)


def test_password_is_secret_however_it_is_written():
    assert set(secrets_of(written(URL))) == {BASIC, "correct horse", "correct%20horse"}
    assert secrets_of(written("http://proxy.example:3128")) == []


@pytest.mark.parametrize("reference", ["env:PROXY", URL, "file"])
def test_proxy_is_written_out_or_referred_to(tmp_path: Path, reference):
    if reference == "file":
        (tmp_path / "proxy").write_text(URL + "\n")
        reference = f"file:{tmp_path}/proxy"
    file = tmp_path / "isthmus.toml"
    file.write_text(f'{MAIN}proxy = "{reference}"')
    config = load(file, {"KEY": "k", "PROXY": URL})
    url = config.upstreams["main"].proxy
    assert url is not None
    assert url.reveal() == URL
    assert "horse" not in repr(config)
