"""What other vendors refuse, as a caller of the Messages door is told."""

import pytest

from isthmus.errors import UpstreamRefused
from isthmus.translate.messages_over_chat.failure import tell
from isthmus.wire.chat.reported import read_body, read_chunk
from isthmus.wire.messages import errors


def told(status: int, message: str = "No.", word: str = "", **more) -> UpstreamRefused:
    return tell(UpstreamRefused(message, upstream_status=status, upstream_type=word, **more))


@pytest.mark.parametrize(
    ("upstream", "status", "kind"),
    [
        (400, 400, "invalid_request_error"),
        (401, 500, "api_error"),
        (402, 429, "rate_limit_error"),
        (403, 500, "api_error"),
        (404, 404, "not_found_error"),
        (408, 504, "timeout_error"),
        (409, 409, "conflict_error"),
        (413, 413, "request_too_large"),
        (422, 400, "invalid_request_error"),
        (429, 429, "rate_limit_error"),
        (500, 500, "api_error"),
        (502, 500, "api_error"),
        (503, 529, "overloaded_error"),
        (504, 504, "timeout_error"),
        (529, 529, "overloaded_error"),
        (302, 500, "api_error"),
    ],
)
def test_upstream_status_is_told_as_claude_would(upstream, status, kind):
    error = told(upstream)
    document = errors.document(error, "req_1")
    assert (error.status, document["error"]["type"]) == (status, kind)
    assert document["request_id"] == "req_1"


@pytest.mark.parametrize("status", [401, 402, 403])
def test_words_about_the_gateways_credential_are_not_passed_on_nor_tried_again(status):
    error = told(status, "Incorrect API key provided: sk-123", pause=7)
    assert "sk-" not in error.message
    assert (error.should_retry, error.retry_after) == (False, None)


@pytest.mark.parametrize("word", ["insufficient_quota", "exceeded_current_quota_error"])
def test_quota_that_is_used_up_is_not_the_same_as_a_rate_limit(word):
    error = told(429, "You exceeded your current quota.", word)
    assert (error.code, error.should_retry) == ("upstream_billing_error", False)


def test_overload_is_told_as_such_whatever_its_status():
    assert told(429, word="engine_overloaded_error").status == 529


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("This model's maximum context length is 128000 tokens.", ""),
        ("Too long.", "context_length_exceeded"),
        ("prompt is too long: 9 tokens > 8 maximum", ""),
    ],
)
def test_long_prompt_is_told_in_the_words_that_clients_look_for(message, word):
    error = told(400, message, word)
    assert error.code == "context_length_exceeded"
    assert error.message.startswith("prompt is too long: ")
    assert error.message.count("prompt is too long") == 1


def test_other_words_are_passed_on():
    assert told(400, "temperature: too hot").message == "temperature: too hot"


@pytest.mark.parametrize(("said", "kept"), [(0, 1), (7, 7), (86400, 60)])
def test_pause_is_kept_within_what_clients_wait_for(said, kept):
    assert told(429, pause=said).retry_after == kept


@pytest.mark.parametrize(
    ("body", "word", "message"),
    [
        (b'{"error":{"message":"No.","type":"t","code":"c"}}', "c", "No."),
        (b'{"error":{"message":"No.","type":"t","code":null}}', "t", "No."),
        (b'{"error":{"message":"No.","code":1301}}', "1301", "No."),
        (b'{"error":"No."}', "", "No."),
        (b'{"object":"error","message":"No."}', "", "No."),
        (b"<html>gone</html>", "", "The upstream answered with status 418."),
        (b"[]", "", "The upstream answered with status 418."),
    ],
)
def test_any_error_body_is_read(body, word, message):
    assert read_body(418, body)[:3] == (418, word, message)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 429, "message": "Slow."}, 429),
        ({"code": "502"}, 502),
        ({"type": "rate_limit_error"}, 429),
        ({"type": "overloaded_error"}, 503),
        ({"type": "x", "code": "insufficient_quota"}, 402),
        ({"code": 7}, 500),
        ("No.", 500),
    ],
)
def test_error_inside_of_a_stream_is_read_by_its_words(error, status):
    assert read_chunk({"error": error}).status == status
