"""Short answers that keep a client waiting are asked for twice, where the operator wants it."""

from collections.abc import Generator

import pytest

from factories import messages as make
from factories.client import Answer, ask
from factories.fake_upstream import STALL, FakeUpstream, error, events, whole
from factories.gateway import Gateway, running

GOOD = make.message(make.text("Hello."))
OTHER = make.message(make.text("Hello from the other."))
QUESTION = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def fakes() -> Generator[tuple[FakeUpstream, FakeUpstream]]:
    with FakeUpstream() as slow, FakeUpstream() as quick:
        yield slow, quick


@pytest.fixture
def hedging(tmp_path, fakes) -> Generator[Gateway]:
    tables = [
        f'[upstreams.u{number}]\nkind = "anthropic"\nbase_urls = ["{fake.url}"]\n'
        'api_key = "env:UPSTREAM_KEY"\nhedge_after = 0.2\n'
        for number, fake in enumerate(fakes)
    ]
    with running(tmp_path, "".join(tables)) as gateway:
        yield gateway


def asked(gateway: Gateway, **more) -> Answer:
    document = {"model": "claude-sonnet-4-6", "messages": QUESTION, "max_tokens": 9, **more}
    return ask(gateway, document)


def test_second_route_answers_when_the_first_is_slow(hedging, fakes):
    fakes[0].will([STALL])
    fakes[1].will(whole(OTHER))
    answer = asked(hedging)
    assert answer.document["choices"][0]["message"]["content"] == "Hello from the other."
    assert (answer.headers["x-isthmus-upstream"], answer.headers["x-isthmus-attempts"]) == (
        "u1",
        "2",
    )
    assert fakes[0].requests[0].gone.wait(5)


def test_quick_answers_are_asked_for_once(hedging, fakes):
    fakes[0].will(whole(GOOD))
    assert asked(hedging).headers["x-isthmus-attempts"] == "1"
    assert fakes[1].requests == []


def test_first_route_may_still_win(hedging, fakes):
    fakes[0].will(["pause"] * 10 + whole(GOOD))
    fakes[1].will([STALL])
    answer = asked(hedging)
    assert answer.document["choices"][0]["message"]["content"] == "Hello."
    assert answer.headers["x-isthmus-upstream"] == "u0"


def test_failure_of_one_leaves_it_to_the_other(hedging, fakes):
    fakes[0].will(["pause"] * 10 + whole(GOOD))
    fakes[1].will(error(529, "overloaded_error"))
    answer = asked(hedging)
    assert answer.document["choices"][0]["message"]["content"] == "Hello."


def test_failure_of_both_is_told(hedging, fakes):
    fakes[0].will(["pause"] * 8 + error(503, "api_error"))
    fakes[1].will(error(529, "overloaded_error"))
    assert asked(hedging).status == 503


def test_streams_and_long_answers_are_never_hedged(hedging, fakes):
    for more in ({"stream": True}, {"max_tokens": 9000}):
        fakes[0].will(["pause"] * 8 + events(make.stream(GOOD)))
        assert asked(hedging, **more).status == 200
        assert fakes[1].requests == []


def test_no_more_than_a_twentieth_of_the_calls_is_hedged(hedging, fakes):
    fakes[1].otherwise = lambda _: whole(OTHER)
    slow = ["pause"] * 6 + whole(GOOD)
    fakes[0].will(*[slow] * 12)
    for _ in range(12):
        assert asked(hedging).status == 200
    assert len(fakes[1].requests) == 1
