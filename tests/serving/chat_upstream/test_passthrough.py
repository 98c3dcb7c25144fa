"""Further paths of an upstream's, which callers may use as they are."""

import json

from factories import completions as make
from factories.client import call
from factories.fake_chat import refused, streamed
from factories.fake_upstream import CLOSE, whole

VECTORS = {"object": "list", "data": [{"embedding": [1.5]}], "usage": {"prompt_tokens": 3}}


def ask(gateway, path="/v1/embeddings", **document):
    return call(gateway, "POST", path, json.dumps(document).encode())


def test_request_and_answer_go_through(gateway, vendor):
    vendor.will(whole(VECTORS))
    answer = ask(gateway, model="vectors-1", input=["a"], of_their_own=1)
    assert answer.document == VECTORS
    sent = vendor.requests[0]
    assert sent.path == "POST /v1/embeddings HTTP/1.1"
    assert sent.document == {"model": "vectors-1", "input": ["a"], "of_their_own": 1}
    assert gateway.logs(" prompt_tokens=3 ")


def test_name_of_the_operators_becomes_the_upstreams(gateway, vendor):
    vendor.will(whole(VECTORS))
    ask(gateway, model="both", input="a")
    assert vendor.requests[0].document["model"] == "vendor-1"


def test_events_go_through(gateway, vendor):
    events = make.stream(make.completion("Hello there."))
    vendor.will(streamed(events))
    answer = ask(gateway, "/v1/completions", model="m", prompt="a", stream=True)
    assert answer.body == make.framed(events)
    assert vendor.requests[0].document == {"model": "m", "prompt": "a", "stream": True}


def test_events_that_break_off_end_uncleanly(gateway, vendor):
    vendor.will(streamed(make.stream(make.completion("Hello."))[:2], CLOSE))
    answer = ask(gateway, "/v1/completions", model="m", prompt="a", stream=True)
    assert answer.cut
    assert answer.data[-1]["error"]["code"] == "stream_interrupted"


def test_refusal_goes_through(gateway, vendor):
    vendor.will(refused(400, "invalid_request_error", "No such vectors."))
    answer = ask(gateway, model="m", input="a")
    assert (answer.status, answer.error["message"]) == (400, "No such vectors.")


def test_key_is_asked_for(gateway, vendor):
    answer = call(gateway, "POST", "/v1/embeddings", b"{}", authorization="")
    assert (answer.status, vendor.requests) == (401, [])


def test_other_paths_are_not_there(gateway, vendor):
    assert ask(gateway, "/v1/rerank", model="m").status == 404
    assert call(gateway, "GET", "/v1/embeddings").status == 405
    assert not vendor.requests
