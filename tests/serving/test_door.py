"""The edge: keys, paths, sizes and shapes, before any upstream is asked."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import messages as make
from factories.client import HELLO, ask, call
from factories.fake_upstream import events, whole

GOOD = make.message(make.text("Hello."))
CHAT = "/v1/chat/completions"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer wrong-key-0123456789"},
        {"authorization": "Basic dGVzdA=="},
        {"authorization": "", "x_api_key": "wrong-key-0123456789"},
        {"x_api_key": "another-key-0123456789"},
    ],
)
def test_key_is_checked_before_the_body_is_read(gateway, headers):
    answer = call(gateway, "POST", CHAT, b"not json", **headers)
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert answer.error["type"] == "invalid_request_error"
    assert "wrong-key" not in answer.body.decode()


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_key_is_taken_as_bearer_token(gateway, primary, scheme):
    primary.will(whole(GOOD))
    document = {**HELLO, "max_tokens": 9}
    assert ask(gateway, document, authorization=f"{scheme} {gateway.key}").status == 200


def test_key_is_taken_as_x_api_key(gateway, primary):
    primary.will(whole(GOOD))
    document = {**HELLO, "max_tokens": 9}
    assert ask(gateway, document, authorization="", x_api_key=gateway.key).status == 200


@pytest.mark.parametrize("path", [CHAT + "/", CHAT + "//", "/v1/models/", "/readyz/"])
def test_trailing_slash_means_the_same_and_redirects_nobody(gateway, primary, path):
    primary.will(whole(GOOD))
    body = json.dumps({**HELLO, "max_tokens": 9}).encode() if path.startswith(CHAT) else None
    assert call(gateway, "POST" if body else "GET", path, body).status == 200


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/nothing", "/v1", "/v1/chat/completions/x", "//evil"]
)
def test_unknown_path_is_told_in_the_callers_words(gateway, path):
    answer = call(gateway, "GET", path)
    assert (answer.status, answer.error["code"]) == (404, "not_found")
    in_messages = call(gateway, "GET", path, anthropic_version="2023-06-01")
    assert in_messages.document["error"]["type"] == "not_found_error"


def test_unknown_path_is_not_told_without_a_key(gateway):
    assert call(gateway, "GET", "/v1/nothing", authorization="").status == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_wrong_method_is_told(gateway, method):
    answer = call(gateway, method, CHAT)
    assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_probes_need_no_key(gateway, path):
    assert call(gateway, "GET", path, authorization="").document == {"status": "ok"}


@pytest.mark.parametrize("path", [CHAT, "/v1/models", "/livez", "/v1/nothing"])
def test_every_answer_carries_its_request_id(gateway, path):
    answer = call(gateway, "GET", path)
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["x-request-id"] == answer.headers["request-id"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/event-stream", "", "x/y"])
def test_any_accept_header_is_served(gateway, primary, accept):
    primary.will(events(make.stream(GOOD)))
    body = json.dumps({**HELLO, "stream": True}).encode()
    assert call(gateway, "POST", CHAT, body, accept=accept).done


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content_type": "text/plain"}, "unsupported_media_type"),
        ({"content_encoding": "br"}, "request_body_encoding_unsupported"),
    ],
)
def test_bodies_of_other_kinds_are_refused(gateway, headers, code):
    answer = ask(gateway, HELLO, **headers)
    assert (answer.status, answer.error["code"]) == (415, code)


MALFORMED = {
    "not JSON": (b"hello", "byte 0"),
    "empty": (b"", "byte 0"),
    "NaN": (b'{"model":"m","messages":[],"temperature":NaN}', "byte 41"),
    "lone surrogate": (b'{"model":"\\ud83d"}', "byte 10"),
    "too deep": (b'{"a":' + b"[" * 80 + b"]" * 80 + b"}", "a[0][0][0]..."),
    "invalid UTF-8": (b'{"model":"\xff"}', "byte 10"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_body_is_refused_naming_the_place(gateway, name):
    body, place = MALFORMED[name]
    answer = ask(gateway, body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_json")
    assert place in answer.error["message"]


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"temperature": "warm"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"stream": "yes"}, "stream"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"thinking": {}}, "thinking.type"),
        ({"thinking": {"type": "on"}}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1023}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": "2000"}}, "thinking.budget_tokens"),
        ({"thinking": "enabled"}, "thinking"),
    ],
)
def test_wrong_member_is_named(gateway, change, param):
    answer = ask(gateway, {**HELLO, **change})
    assert (answer.status, answer.error["param"]) == (400, param)
    assert param in answer.error["message"]


def test_retired_and_unknown_models_are_told(gateway):
    retired = ask(gateway, {**HELLO, "model": "claude-3-haiku-20240307"})
    assert (retired.status, retired.error["code"]) == (404, "model_retired")
    unknown = ask(gateway, {**HELLO, "model": "gpt-4o"})
    assert (unknown.status, unknown.error["code"]) == (404, "model_not_found")


def test_warnings_keep_within_two_kilobytes(gateway, primary):
    primary.will(whole(GOOD))
    extra = {f"unknown_field_number_{n}": 1 for n in range(100)}
    answer = ask(gateway, {**HELLO, "max_tokens": 9, **extra})
    said = answer.headers["x-isthmus-warnings"]
    assert len(said) <= 2048
    shown = said.split("; ")
    assert int(shown[-1].removeprefix("+")) + len(shown) - 1 == 100


def test_fields_of_any_name_cannot_break_the_headers(gateway, primary):
    primary.will(whole(GOOD))
    answer = ask(gateway, {**HELLO, "max_tokens": 9, "a\r\nx-evil: 1\u2603": 1})
    assert answer.status == 200
    assert "x-evil" not in answer.headers


def test_seeds_example_request_gets_its_example_shape(gateway, primary):
    primary.will(whole(make.message(make.text("Hello there, how may I assist you today?"))))
    system = {"role": "system", "content": "You are a helpful assistant."}
    answer = ask(
        gateway,
        {
            "model": "claude-3.7-sonnet",
            "messages": [system, {"role": "user", "content": "Hello!"}],
            "max_tokens": 100,
        },
    )
    document = answer.document
    assert document["object"] == "chat.completion"
    assert document["choices"][0]["finish_reason"] == "stop"
    assert document["usage"].keys() >= {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert answer.headers["x-isthmus-model-substituted"] == "claude-sonnet-4-6"


def test_models_are_listed_without_a_key_but_not_with_a_wrong_one(gateway):
    listed = call(gateway, "GET", "/v1/models", authorization="").document
    assert listed["object"] == "list"
    entry = next(entry for entry in listed["data"] if entry["id"] == "mine/two.targets")
    assert entry["object"] == "model"
    assert {type(entry["created"]), type(entry["owned_by"])} == {int, str}
    assert call(gateway, "GET", "/v1/models", authorization="Bearer wrong").status == 401


def test_models_speak_the_messages_protocol_to_its_clients(gateway):
    page = call(gateway, "GET", "/v1/models?limit=2", anthropic_version="2023-06-01").document
    assert (len(page["data"]), page["has_more"]) == (2, True)
    assert "object" not in page
    found = call(gateway, "GET", "/v1/models/mine/two.targets", anthropic_version="2023-06-01")
    assert found.document["type"] == "model"


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["user", "assistant", "tool", "auto", "enabled"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "type",
                    "text",
                    "function",
                    "name",
                    "id",
                    "tool_calls",
                    "url",
                    "image_url",
                    "tool_call_id",
                    "arguments",
                    "parameters",
                    "json_schema",
                    "schema",
                    "$ref",
                    "budget_tokens",
                    "strict",
                    "reasoning_details",
                    "index",
                    "properties",
                    "anyOf",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
_REQUESTS = st.fixed_dictionaries(
    {"model": st.sampled_from(["only-main", "claude-opus-5-5", "claude-haiku-4-5"])},
    optional=dict.fromkeys(
        (
            "messages",
            "tools",
            "tool_choice",
            "thinking",
            "response_format",
            "stop",
            "stream",
            "temperature",
            "max_tokens",
            "reasoning_effort",
            "user",
            "stream_options",
            "functions",
            "service_tier",
            "logit_bias",
            "modalities",
            "parallel_tool_calls",
            "top_p",
            "n",
            "extra",
        ),
        _VALUES,
    ),
)


@settings(max_examples=300)
@given(request_document=_REQUESTS)
def test_no_request_makes_the_gateway_fail(started, upstreams, request_document):
    for upstream in upstreams:
        upstream.will()
        upstream.otherwise = lambda document: (
            events(make.stream(GOOD)) if document.get("stream") else whole(GOOD)
        )
    try:
        answer = ask(started.fresh(), request_document)
    finally:
        for upstream in upstreams:
            upstream.otherwise = None
    assert answer.status in (200, 400, 404)
    if answer.status == 400:
        assert answer.error["type"] == "invalid_request_error"
