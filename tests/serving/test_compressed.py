"""Packed request bodies."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import messages as make
from factories.client import HELLO, ask
from factories.fake_upstream import whole
from isthmus.errors import InvalidRequest
from isthmus.serving.compressed import Gunzip

GOOD = make.message(make.text("Hello."))


def unpacked(packed: bytes, size: int, limit: int = 1000) -> bytes:
    unpacking = Gunzip(limit)
    pieces = [unpacking.feed(packed[at : at + size]) for at in range(0, len(packed), size)]
    unpacking.close()
    return b"".join(pieces)


@given(body=st.binary(max_size=1000), size=st.integers(1, 100))
def test_body_is_the_same_however_it_arrives(body, size):
    assert unpacked(gzip.compress(body), size) == body


def test_body_that_unpacks_to_too_much_is_refused_before_it_is_unpacked():
    with pytest.raises(InvalidRequest) as caught:
        unpacked(gzip.compress(b"x" * 1001), 50)
    assert (caught.value.status, caught.value.code) == (
        413,
        "request_body_too_large_after_decoding",
    )


def test_bomb_is_refused_by_its_ratio_long_before_the_limit():
    bomb = gzip.compress(b"\0" * 20_000_000)
    with pytest.raises(InvalidRequest) as caught:
        unpacked(bomb, 1000, limit=32 * 1024 * 1024)
    assert caught.value.status == 413


#: Without the time, which would be in the names of tests.
PACKED = gzip.compress(b"{}", mtime=0)


@pytest.mark.parametrize(
    "body", [b"{}", PACKED[:-1], PACKED + b"x", PACKED + PACKED, PACKED[:5] + b"x" * 10, b""]
)
def test_what_is_not_one_whole_body_is_refused(body):
    with pytest.raises(InvalidRequest, match="not valid gzip"):
        unpacked(body, 7)


def test_packed_request_is_answered(gateway, primary):
    primary.will(whole(GOOD))
    body = gzip.compress(json.dumps({**HELLO, "max_tokens": 9}).encode())
    assert ask(gateway, body, content_encoding="gzip").status == 200
    assert primary.requests[0].document["max_tokens"] == 9


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip", "gzip, br"])
def test_other_codings_are_refused(gateway, coding):
    answer = ask(gateway, b"{}", content_encoding=coding)
    assert (answer.status, answer.error["code"]) == (415, "request_body_encoding_unsupported")
