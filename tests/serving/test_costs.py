"""What a client and an operator are told of the cost of a call."""

import json

from factories import messages as make
from factories.client import ask, message, stream
from factories.fake_upstream import error, events, whole

#: 11 tokens in and 7 out at 3 and 15 dollars a million.
COST = "0.000138000"
GOOD = make.message(make.text("Hello."))
PRICED = {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "Hello!"}]}


def test_whole_answer_tells_its_cost(gateway, primary):
    primary.will(whole(GOOD))
    answer = ask(gateway, {**PRICED, "max_tokens": 9})
    assert answer.headers["x-isthmus-cost"] == COST
    assert gateway.logs(f" cost={COST}")


def test_message_that_is_passed_on_tells_its_cost(gateway, primary):
    primary.will(whole(GOOD))
    body = json.dumps({**PRICED, "max_tokens": 9}).encode()
    assert message(gateway, body).headers["x-isthmus-cost"] == COST


def test_stream_tells_its_cost_in_its_last_comment(gateway, primary):
    primary.will(events(make.stream(GOOD)))
    answer = stream(gateway, **PRICED)
    assert json.loads(answer.comments[-1].removeprefix("isthmus "))["cost"] == COST
    assert "x-isthmus-cost" not in answer.headers


def test_model_without_a_price_is_unpriced_not_free(gateway, primary):
    primary.will(events(make.stream(GOOD)))
    answer = ask(gateway, {**PRICED, "model": "claude-nova-7", "max_tokens": 9})
    assert "x-isthmus-cost" not in answer.headers
    assert gateway.logs(" cost=unpriced")


def test_answer_that_took_two_attempts_costs_what_was_used(gateway, primary, backup):
    primary.will(error(529, "overloaded_error"))
    backup.will(whole(GOOD))
    answer = ask(gateway, {**PRICED, "max_tokens": 9})
    assert (answer.headers["x-isthmus-attempts"], answer.headers["x-isthmus-cost"]) == ("2", COST)
