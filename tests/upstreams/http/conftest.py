"""Both event loops, and an authority that signs for any name."""

import pytest

from factories.authority import Authority
from isthmus.upstreams.http import dial


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture(scope="session")
def authority():
    return Authority()


@pytest.fixture
def trusted(authority, monkeypatch, tmp_path):
    """An authority that is trusted during the test."""
    authority.trusted_by(monkeypatch, tmp_path)
    yield authority
    dial.trust.cache_clear()
