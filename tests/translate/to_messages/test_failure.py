"""What upstreams refuse, as a caller of the OpenAI doors is told."""

import pytest

from isthmus.errors import UpstreamRefused
from isthmus.translate.to_messages.failure import tell
from isthmus.wire.chat import errors
from isthmus.wire.messages.errors import read_body, read_event


def told(status: int, message: str = "No.", **more) -> UpstreamRefused:
    return tell(UpstreamRefused(message, upstream_status=status, upstream_type="x", **more))


@pytest.mark.parametrize(
    ("upstream", "status", "kind", "code"),
    [
        (400, 400, "invalid_request_error", "invalid_request"),
        (401, 502, "api_error", "upstream_auth_error"),
        (402, 502, "api_error", "upstream_billing_error"),
        (403, 502, "api_error", "upstream_auth_error"),
        (404, 404, "invalid_request_error", "model_not_found"),
        (409, 409, "invalid_request_error", "conflict"),
        (413, 413, "invalid_request_error", "request_too_large"),
        (422, 422, "invalid_request_error", "invalid_request"),
        (429, 429, "requests", "rate_limit_exceeded"),
        (500, 500, "server_error", "upstream_error"),
        (502, 502, "api_error", "upstream_error"),
        (503, 503, "server_error", "overloaded"),
        (504, 504, "server_error", "timeout"),
        (529, 503, "server_error", "overloaded"),
        (302, 502, "api_error", "upstream_error"),
    ],
)
def test_upstream_status_is_told_as_openai_would(upstream, status, kind, code):
    error = told(upstream)
    said = errors.document(error)["error"]
    assert (error.status, said["type"], said["code"]) == (status, kind, code)


def test_upstreams_own_words_are_passed_on():
    assert told(400, "max_tokens: 5 > 4").message == "max_tokens: 5 > 4"


@pytest.mark.parametrize("status", [401, 402, 403])
def test_words_about_the_gateways_credential_are_not_passed_on(status):
    assert "sk-" not in told(status, "invalid x-api-key sk-ant-123").message


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ("max_tokens: too large", "max_tokens"),
        ("tools.3.custom.name: bad", "tools[3]"),
        ("messages.0.content: odd", None),
    ],
)
def test_param_is_named_where_it_means_the_same(message, param):
    assert told(400, message).param == param


def test_long_prompt_is_told_by_its_own_code():
    error = told(400, "prompt is too long: 300000 tokens > 200000 maximum")
    assert (error.status, error.code) == (400, "context_length_exceeded")


def test_spending_limit_is_not_the_callers_fault():
    error = told(400, "Your credit balance is too low to access the Anthropic API.")
    assert (error.status, error.code) == (502, "upstream_billing_error")


@pytest.mark.parametrize(("said", "kept"), [(0, 1), (7, 7), (86400, 60)])
def test_pause_is_kept_within_what_clients_wait_for(said, kept):
    assert errors.headers(told(429, pause=said))["retry-after"] == str(kept)


def test_rate_limit_without_a_pause_is_a_cap_and_not_retried():
    assert errors.headers(told(429)) == {"x-should-retry": "false"}


def test_overload_without_a_pause_gets_one():
    assert errors.headers(told(529)) == {"retry-after": "5"}


def test_token_limit_is_told_as_such():
    assert errors.document(told(429, "input tokens per minute"))["error"]["type"] == "tokens"


@pytest.mark.parametrize(
    "body", [b"", b"<html>gone</html>", b"[]", b'{"error":"x"}', b'{"error":{}}']
)
def test_any_error_body_is_read(body):
    reported = read_body(413, body)
    assert reported[:3] == (413, "request_too_large", "The upstream answered with status 413.")
    assert reported.body is None


def test_error_event_is_read_by_its_type():
    event = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    assert read_event(event)[:3] == (529, "overloaded_error", "Overloaded")
    assert read_event({"type": "error", "error": {"type": "new_error"}}).status == 500
