"""Where the admin listener listens when nobody has said."""

import socket

import pytest

from factories.gateway import free_port
from isthmus.cli.admin import AdminListener
from isthmus.config import AdminConfig, Config, ServerConfig


def listener(port: int, taken: int | None = None) -> AdminListener:
    """Make one for a server on ``taken``, of which the file says ``port``."""
    config = Config(server=ServerConfig(port=port))
    return AdminListener(config, port if taken is None else taken)


def test_it_is_the_port_after_the_server():
    port = free_port()
    admin = listener(port - 1)
    assert admin.metrics_url == f"http://127.0.0.1:{port}/metrics"
    admin.close()


@pytest.mark.parametrize(("port", "taken"), [(0, 4100), (65535, 65535)])
def test_it_is_any_port_where_the_server_has_any_or_the_last(port, taken):
    admin = listener(port, taken)
    assert admin.metrics_url is not None
    assert ":4101" not in admin.metrics_url
    admin.close()


def test_gateway_goes_without_it_where_the_port_is_taken(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert listener(port - 1).metrics_url is None
    said = capsys.readouterr().err
    assert f"warning: no metrics: cannot listen on 127.0.0.1:{port} (" in said


def test_address_of_everywhere_is_told_as_one_that_can_be_called():
    admin = AdminListener(Config(admin=AdminConfig(listen="[::]:0")), 4100)
    assert admin.metrics_url is not None
    assert admin.metrics_url.startswith("http://[::1]:")
    admin.close()
