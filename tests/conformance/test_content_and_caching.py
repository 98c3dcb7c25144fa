"""Files and cache marks, sent by the official ``openai`` package and taken by the sandbox."""

import base64

import openai
import pytest

MODEL = "claude-sonnet-4-6"
PDF = base64.b64encode(b"%PDF-1.7\n%%EOF\n").decode()
MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
TOOL = {"type": "function", "function": {"name": "read_file", "parameters": {"type": "object"}}}


def file(data: str, name: str, **more) -> dict:
    return {"type": "file", "file": {"file_data": data, "filename": name}, **more}


def test_files_are_read_in_messages_and_in_results(client):
    notes = "data:text/markdown;base64," + base64.b64encode("# Grüße".encode()).decode()
    files = [file(f"data:application/pdf;base64,{PDF}", "a.pdf"), file(notes, "notes.md")]
    asked = {"id": "a", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL,
        tools=[TOOL],
        messages=[
            {"role": "user", "content": [*files, {"type": "text", "text": "Read on."}]},
            {"role": "assistant", "content": None, "tool_calls": [asked]},
            {"role": "tool", "tool_call_id": "a", "content": files},
        ],
    )
    assert raw.parse().choices[0].message.content
    assert "x-isthmus-warnings" not in raw.headers


def test_file_that_is_only_named_is_refused_by_its_path(client):
    part = {"type": "file", "file": {"file_id": "file-abc123"}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": [part]}])
    assert caught.value.param == "messages[0].content[0].file.file_id"


@pytest.mark.parametrize("model", ["claude-haiku-4-5", MODEL, "claude-opus-5-5"])
def test_marks_of_both_vocabularies_are_taken_together(client, model):
    breakpoint_ = {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}
    answer = client.chat.completions.create(
        model=model,
        tools=[TOOL | {"cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "system", "content": "Be brief.", **MARK},
            {"role": "user", "content": [file(PDF, "a.pdf", **breakpoint_)]},
            {"role": "assistant", "content": "Read.", **MARK},
            {"role": "user", "content": [{"type": "text", "text": "Go on.", **MARK}]},
        ],
        prompt_cache_options={"mode": "implicit", "ttl": "30m"},
        prompt_cache_retention="24h",
    )
    assert answer.choices[0].message.content


def test_long_conversation_is_marked_and_taken(client):
    messages = [
        {"role": "user", "content": "Please remember this. " * 300},
        {"role": "assistant", "content": "I do."},
        {"role": "user", "content": "What was it?"},
    ]
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=messages)
    assert raw.parse().choices[0].message.content
    assert "x-isthmus-warnings" not in raw.headers
