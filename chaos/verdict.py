"""What an answer is worth, by what the client alone can know. Pure.

An answer is complete and right, or an honest error, or the client left; anything else is a
finding. Whether an error was called for is `cause`'s to say.
"""

from __future__ import annotations

import json
from typing import Any, Literal, NamedTuple

from caller import Heard
from marker import TOOL, Wanted, wanted
from question import Question

Kind = Literal["complete", "error", "cut", "cancelled", "finding"]

#: What may be said of an upstream's trouble, and of the gateway's own.
_STATUSES = frozenset({429, 500, 502, 503, 504})


class Verdict(NamedTuple):
    """``label``: the row it counts in, or what is wrong; ``began``: the client saw content."""

    kind: Kind
    label: str
    began: bool = False
    answer_id: str | None = None


class _Wrong(Exception):
    """An answer that should not be."""


def judged(question: Question, heard: Heard) -> Verdict:
    """Judge what was heard."""
    if heard.end == "hung":
        return Verdict("finding", f"not ended after {heard.seconds:.0f} s")
    try:
        if heard.end == "left":
            if heard.status == 200 and question.stream:
                _Stream(heard.body, whole=False).is_beginning_of(_wanted(question))
            return Verdict("cancelled", question.manner)
        if heard.status == 0:
            return Verdict("cut", f"no answer ({heard.end})")
        if heard.status != 200:
            return Verdict("error", _error(heard))
        if question.stream:
            return _judge_stream(question, heard)
        return _judge_whole(question, heard)
    except _Wrong as wrong:
        return Verdict("finding", str(wrong))
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        return Verdict("finding", f"not the shape of an answer: {error!r}")


def _wanted(question: Question) -> Wanted:
    return wanted(question.marker, tools=question.tools)


def _error(heard: Heard) -> str:
    """Check an HTTP error; return its row."""
    if heard.end != "framed":
        raise _Wrong(f"half an error document ({heard.status})")
    if heard.status not in _STATUSES:
        raise _Wrong(f"status {heard.status} for a good request")
    if not heard.headers.get("content-type", "").startswith("application/json"):
        raise _Wrong("an error that is not JSON")
    return f"{heard.status} {_code(_decoded(heard.body))}"


def _code(document: Any) -> str:
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        raise _Wrong("an error without a message")
    if not isinstance(error.get("type"), str):
        raise _Wrong("an error without a type")
    return str(error.get("code"))


def _judge_whole(question: Question, heard: Heard) -> Verdict:
    if heard.end != "framed":
        return Verdict("cut", f"whole answer ({heard.end})")
    document = _decoded(heard.body)
    target = _wanted(question)
    choice = document["choices"][0]
    message = choice["message"]
    _same("text", message["content"], target.text)
    _same("finish_reason", choice["finish_reason"], target.finish_reason)
    _same("model", document["model"], question.model)
    calls = [call["function"] for call in message.get("tool_calls") or []]
    _judge_calls([(call["name"], call["arguments"]) for call in calls], target)
    _judge_usage(document["usage"], target)
    return Verdict("complete", "whole", answer_id=document["id"])


def _judge_stream(question: Question, heard: Heard) -> Verdict:
    if not heard.headers.get("content-type", "").startswith("text/event-stream"):
        raise _Wrong("a stream of another content type")
    framed = heard.end == "framed"
    stream, target = _Stream(heard.body, whole=framed), _wanted(question)
    if not stream.done:
        stream.is_beginning_of(target)
        if stream.error is not None:
            code = _code(stream.error)
            if framed:
                raise _Wrong(f"a clean end after an error in the stream ({code})")
            return Verdict("error", f"in stream {code}", stream.began, stream.answer_id)
        if framed:
            raise _Wrong("a clean end without [DONE] or error")
        return Verdict("cut", f"stream ({heard.end})", stream.began, stream.answer_id)
    if stream.error is not None:
        raise _Wrong("an error, and [DONE]")
    if not framed:
        raise _Wrong("[DONE], and an unclean end")
    _same("text", stream.text, target.text)
    _same("finish_reason", stream.finish_reason, target.finish_reason)
    _same("model", stream.models, {question.model})
    _judge_calls([(call["name"], call["arguments"]) for call in stream.calls.values()], target)
    if question.usage:
        _judge_usage(stream.usage, target)
    return Verdict("complete", "stream", began=True, answer_id=stream.answer_id)


class _Stream:
    """The frames of a stream, put together. ``whole``: the last one is complete."""

    def __init__(self, body: bytes, *, whole: bool) -> None:
        self.texts: list[str] = []
        self.calls: dict[int, dict[str, str]] = {}
        self.ids: set[str] = set()
        self.models: set[str] = set()
        self.finish_reason: str | None = None
        self.usage: Any = None
        self.error: Any = None
        self.done = False
        frames = body.split(b"\n\n")
        rest = frames.pop()
        if rest and whole:
            raise _Wrong(f"the stream ends in the middle of a frame: {rest[:80]!r}")
        for frame in frames:
            if not frame.startswith(b":"):
                self._take(frame)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def began(self) -> bool:
        return bool(self.texts or self.calls)

    @property
    def answer_id(self) -> str | None:
        """The id that all chunks have in common."""
        if len(self.ids) > 1:
            raise _Wrong(f"several ids: {self.ids}")
        return next(iter(self.ids), None)

    def is_beginning_of(self, target: Wanted) -> None:
        """Check that nothing has come that does not belong to the answer."""
        if not target.text.startswith(self.text):
            raise _Wrong(f"text of another answer: {_difference(self.text, target.text)}")
        arguments = json.dumps(target.arguments)
        for call in self.calls.values():
            if not arguments.startswith(call["arguments"]):
                raise _Wrong(f"arguments of another call: {call['arguments'][:80]!r}")

    def _take(self, frame: bytes) -> None:
        if not frame.startswith(b"data: ") or b"\n" in frame:
            raise _Wrong(f"not a frame: {frame[:80]!r}")
        if self.done or self.error is not None:
            raise _Wrong(f"a frame after the last one: {frame[:80]!r}")
        if frame == b"data: [DONE]":
            self.done = True
            return
        chunk = _decoded(frame[6:])
        if "error" in chunk:
            self.error = chunk
            return
        self.ids.add(chunk["id"])
        self.models.add(chunk["model"])
        self.usage = chunk.get("usage") or self.usage
        for choice in chunk["choices"]:
            self._choose(choice)

    def _choose(self, choice: dict[str, Any]) -> None:
        delta = choice["delta"]
        if self.finish_reason is not None:
            raise _Wrong("a choice after its finish_reason")
        if delta.get("content"):
            self.texts.append(delta["content"])
        for piece in delta.get("tool_calls") or []:
            call = self.calls.setdefault(piece["index"], {"name": "", "arguments": ""})
            function = piece.get("function") or {}
            call["name"] += function.get("name") or ""
            call["arguments"] += function.get("arguments") or ""
        self.finish_reason = choice.get("finish_reason")


def _judge_calls(calls: list[tuple[str, str]], target: Wanted) -> None:
    expected = [] if target.arguments is None else [(TOOL, target.arguments)]
    _same("calls", [(name, _decoded(text.encode())) for name, text in calls], expected)


def _judge_usage(usage: Any, target: Wanted) -> None:
    if usage is None:
        raise _Wrong("no usage")
    _same("prompt_tokens", usage["prompt_tokens"], target.input_tokens)
    _same("completion_tokens", usage["completion_tokens"], target.output_tokens)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise _Wrong(f"not JSON: {body[:80]!r}") from None


def _same(what: str, found: Any, expected: Any) -> None:
    if found == expected:
        return
    if isinstance(found, str) and isinstance(expected, str):
        raise _Wrong(f"wrong {what}: {_difference(found, expected)}")
    raise _Wrong(f"wrong {what}: {found!r:.120}, not {expected!r:.120}")


def _difference(found: str, expected: str) -> str:
    """Show where two texts part."""
    pairs = enumerate(zip(found, expected, strict=False))
    shorter = min(len(found), len(expected))
    at = next((index for index, (a, b) in pairs if a != b), shorter)
    sizes = f"{len(found)} of {len(expected)} characters"
    return f"at {at}: {found[at : at + 60]!r}, not {expected[at : at + 60]!r} ({sizes})"
