"""An upstream that speaks Chat Completions on a real socket, and does what a test tells it to.

It is strict where vendors are: wrong path, missing key or unknown members are answered with an
error of theirs, so a request that got through was a good one.
"""

from __future__ import annotations

from factories import completions as make
from factories.fake_upstream import (
    FakeUpstream,
    Harmless,
    Received,
    Script,
    chunk,
    head,
    whole,
)

MEMBERS = {
    "model", "messages", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
    "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "response_format",
    "reasoning_effort", "user", "n", "seed", "logprobs", "top_logprobs", "frequency_penalty",
    "presence_penalty", "logit_bias", "thinking",
}  # fmt: skip
PATHS = {f"POST /v1/{path} HTTP/1.1" for path in ("chat/completions", "embeddings", "completions")}
ROLES = {"system", "developer", "user", "assistant", "tool"}


def refused(status: int, kind: str, message: str = "No.", **headers: str) -> Script:
    """Answer with an error in OpenAI's form."""
    error = {"message": message, "type": kind, "param": None, "code": None}
    return whole({"error": error}, status, **headers)


def streamed(listed: list, *after: str, end: bool = True) -> Script:
    """Stream chunks, each on its own; ``after`` says what happens instead of the end."""
    script: Script = [head(200, "text/event-stream", transfer_encoding="chunked")]
    script += [chunk(make.framed([event])) for event in listed]
    if after or not end:
        return [*script, *after]
    return Harmless([*script, b"0\r\n\r\n"])


def both(answer: dict) -> dict[bool, Script]:
    """Tell an answer whole and as a stream, by whether it was asked to be streamed."""
    return {False: whole(answer), True: streamed(make.stream(answer))}


class FakeChat(FakeUpstream):
    """The upstream. Its base URL is ``url``, with or without ``/v1``."""

    unscripted = refused(500, "server_error")

    def key_of(self, received: Received) -> str:
        return received.headers.get("authorization", "").removeprefix("bearer ")

    def objection(self, received: Received) -> Script | None:
        if received.path not in PATHS:
            return refused(404, "invalid_request_error", f"no such path: {received.path}")
        if self.key_of(received) not in self.keys:
            return refused(401, "invalid_request_error", "Incorrect API key provided: sk-wrong.")
        document = received.document
        if "messages" not in document:
            return None
        extra = sorted(document.keys() - MEMBERS - self.fields)
        if extra:
            return refused(400, "invalid_request_error", f"Unrecognized argument: {extra[0]}")
        unknown = [one["role"] for one in document["messages"] if one["role"] not in ROLES]
        if unknown:
            return refused(400, "invalid_request_error", f"'{unknown[0]}' is not a role")
        if "stream_options" in document and not document.get("stream"):
            return refused(400, "invalid_request_error", "stream_options without stream")
        return None


def table(name: str, *urls: str, vendor: str = "") -> str:
    """Write the table of such an upstream, which is given up soon."""
    listed = ", ".join(f'"{url}"' for url in urls)
    timeouts = "{ connect = 0.7, first_byte = 1, first_content = 1.5, stall = 0.6 }"
    return f"""
[upstreams.{name}]
kind = "openai_compatible"
base_urls = [{listed}]
api_key = "env:UPSTREAM_KEY"
timeouts = {timeouts}
{f'vendor = "{vendor}"' if vendor else ""}
"""
