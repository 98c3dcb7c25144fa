"""Makes answers up: deterministic, plausible, and as the request demands.

The same request gets the same answer to the byte. What a request may hold at all is for ``rules``.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from itertools import cycle, islice
from typing import Any

from isthmus.sandbox import web_search
from isthmus.sandbox.binding import Bound
from isthmus.sandbox.directives import Call, Directives, without_directives
from isthmus.sandbox.models import Model
from isthmus.sandbox.rules.conversation import is_paused
from isthmus.sandbox.schema import example
from isthmus.sandbox.searching import Searching
from isthmus.sandbox.tokens import count, pieces
from isthmus.wire import json

Document = dict[str, Any]
Block = dict[str, Any]

_GIST = 200
#: A word that may be the name of a tool.
_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_THOUGHT = "Let me think about what was asked, and what a good answer would be. "
_NOTE = "What comes next follows from that. "
_FILLER = "The quick brown fox jumps over the lazy dog. "


class Answer:
    """The answer to one request."""

    def __init__(self, bound: Bound, model: Model, directives: Directives) -> None:
        document = bound.document
        self._document = document
        self._model = model
        self._directives = directives
        stable = {name: value for name, value in document.items() if name != "stream"}
        self._seed = hashlib.sha256(json.encode(stable)).hexdigest()
        limit: int = document["max_tokens"]
        room = model.max_input - bound.prompt.tokens
        self._room = min(limit, room)
        self._full = "max_tokens" if limit <= room else "model_context_window_exceeded"
        self._thinking_tokens = 0
        self._notes: list[Block] = []
        self._output_tokens = 0
        self._content: list[Block] = []
        self._searching = Searching(document, directives.queries, self._seed)
        self._stop: dict[str, Any] = {"stop_reason": "end_turn", "stop_sequence": None}
        if limit:
            self._compose()
        else:  # it only warms the cache
            self._stop["stop_reason"] = "max_tokens"
        content = _interleaved(self._content, self._notes)
        self._content = [bound.thread.sealed(block) for block in content]

    def message(self, prompt_usage: Document) -> Document:
        """Return the whole answer, with what its prompt cost in ``usage``."""
        return {
            "id": f"msg_{self._seed[:24]}",
            "type": "message",
            "role": "assistant",
            "model": self._model.id,
            "content": self._content,
            **self._stop,
            "usage": {
                **prompt_usage,
                "output_tokens": self._output_tokens,
                "output_tokens_details": {"thinking_tokens": self._thinking_tokens},
                "service_tier": "standard",
                **self._searches(),
            },
        }

    def _compose(self) -> None:
        directives = self._directives
        self._reflect()
        self._search()
        if self._stop["stop_reason"] == "pause_turn":
            return
        calls = self._calls()
        if directives.refuse is not None:
            if directives.tokens or directives.text:
                self._say(self._text())
            self._refuse(directives.refuse)
            return
        if directives.text is not None or directives.tokens or not calls:
            self._say(self._text())
            self._cite()
        if self._stop["stop_reason"] == "stop_sequence":
            calls = []  # it ended before it came to them
        for call in calls:
            self._call(call)
        if calls and self._stop["stop_reason"] == "end_turn":
            self._stop["stop_reason"] = "tool_use"
        if directives.stop is not None and not self._searching.is_resumed:
            self._stop["stop_reason"] = directives.stop

    # Thinking -------------------------------------------------------------------------------

    def _reflect(self) -> None:
        """Think first, but not again in a turn that was only paused."""
        if self._searching.is_resumed:
            return
        if self._thinks():
            self._think()
        if self._directives.redacted:
            self._content.append({"type": "redacted_thinking", "data": self._seed})

    def _thinks(self) -> bool:
        kind = self._document.get("thinking", {}).get("type")
        if kind == "between_tools":
            return bool(self._results())
        if kind is None:
            return self._model.thinking_default != "off"
        return kind != "disabled"

    def _think(self) -> None:
        wanted = self._directives.think or count(_THOUGHT)
        self._content += self._thought(_repeated(_THOUGHT, wanted))
        # Their room is taken before the rest of the answer takes it.
        for _ in range(self._directives.notes):
            note = self._thought(_NOTE)
            if not note:
                break
            self._notes += note

    def _thought(self, text: str) -> list[Block]:
        """Make a thought, if there is room for any of it."""
        thought, tokens = self._cut(text)
        self._thinking_tokens += tokens
        display = self._document.get("thinking", {}).get("display") or self._model.display
        shown = thought if display == "summarized" else ""
        return [{"type": "thinking", "thinking": shown, "signature": thought}] if thought else []

    # Searching ------------------------------------------------------------------------------

    def _search(self) -> None:
        """Search, or pause at the first call where the prompt asks for that."""
        pauses = self._directives.stop == "pause_turn" and not self._searching.is_resumed
        for block in self._searching.blocks():
            if block["type"] == "server_tool_use":
                self._cut(json.encode_text(block["input"]))
                if self._stop["stop_reason"] == self._full:
                    return
            self._content.append(block)
            if pauses:
                self._stop["stop_reason"] = "pause_turn"
                return

    def _cite(self) -> None:
        """Quote what was found; a text that was prescribed has all the citations itself."""
        citations = [web_search.citation(found) for found in self._searching.found]
        is_formatted = self._document.get("output_config", {}).get("format") is not None
        if not citations or is_formatted or self._stop["stop_reason"] != "end_turn":
            return
        if self._directives.text is not None or self._directives.tokens is not None:
            if self._content[-1]["type"] == "text":
                self._content[-1]["citations"] = citations
            return
        for citation in citations:
            quote, _ = self._cut(f" {citation['cited_text']}")
            if quote:
                cited = {"type": "text", "text": quote, "citations": [citation]}
                self._content.append(cited)

    def _searches(self) -> Document:
        """Return what usage says of searches, where there were any."""
        requests = self._searching.requests
        counted = {"web_search_requests": requests, "web_fetch_requests": 0}
        return {"server_tool_use": counted} if requests else {}

    # Text -----------------------------------------------------------------------------------

    def _text(self) -> str:
        directives = self._directives
        if directives.text is not None:
            return directives.text
        if directives.tokens is not None:
            return _repeated(_FILLER, directives.tokens)
        schema = self._document.get("output_config", {}).get("format")
        if schema is not None:
            return json.encode_text(example(schema["schema"], self._seed))
        results = self._results()
        if results:
            return f"The tools say: {' | '.join(results)}"
        gist = without_directives(last_text(self._document))[:_GIST]
        return f"This is a simulated answer of {self._model.id}. You said: {gist or 'nothing'}"

    def _say(self, text: str) -> None:
        stops: list[str] = self._document.get("stop_sequences", [])
        found = [(text.find(stop), stop) for stop in stops if stop in text]
        if found:
            text = text[: min(found)[0]]
        text, _ = self._cut(text)
        if found and self._stop["stop_reason"] == "end_turn":
            self._stop = {"stop_reason": "stop_sequence", "stop_sequence": min(found)[1]}
        if text:
            self._content.append({"type": "text", "text": text})

    def _refuse(self, category: str) -> None:
        explanation = f"The sandbox was told to refuse ({category})."
        self._stop = {
            "stop_reason": "refusal",
            "stop_sequence": None,
            "stop_details": {"type": "refusal", "category": category, "explanation": explanation},
        }

    # Tools ----------------------------------------------------------------------------------

    def _calls(self) -> list[Call]:
        """Decide which tools to call: those named by directives, forced, or spoken of."""
        choice: Document = self._document.get("tool_choice", {"type": "auto"})
        declared = self._declared()
        if self._directives.calls:
            calls = self._directives.calls
        elif choice["type"] == "tool":
            calls = [Call(name) for name in declared if name == choice["name"]]
        elif choice["type"] == "any":
            calls = self._spoken_of(declared) or [Call(name) for name in declared][:1]
        elif choice["type"] == "auto" and not self._results():
            calls = self._spoken_of(declared)
        else:
            calls = []
        return calls[:1] if choice.get("disable_parallel_tool_use") else calls

    def _spoken_of(self, declared: dict[str, Document]) -> list[Call]:
        said = set(_NAME.findall(without_directives(last_text(self._document))))
        return [Call(name) for name in declared if name in said]

    def _call(self, call: Call) -> None:
        seed = f"{self._seed}{len(self._content)}"
        arguments: Any = call.arguments
        if arguments is None:
            arguments = example(self._declared().get(call.name, {}), seed)
        if not isinstance(arguments, dict):
            arguments = {}
        self._cut(json.encode_text(arguments))
        if self._stop["stop_reason"] == self._full:
            return  # no room for the call: half of one would be none
        digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
        self._content.append(
            {"type": "tool_use", "id": f"toolu_{digest}", "name": call.name, "input": arguments}
        )

    def _declared(self) -> dict[str, Document]:
        tools: list[Document] = self._document.get("tools", [])
        return {tool["name"]: tool["input_schema"] for tool in tools if "input_schema" in tool}

    def _results(self) -> list[str]:
        """Return what the tools of the last turn said, in words."""
        results = [block for block in _last_said(self._document) if block["type"] == "tool_result"]
        return [_in_words(result.get("content", "")) for result in results]

    def _cut(self, text: str) -> tuple[str, int]:
        """Take as much of a text as there is room for; note when that is not all."""
        tokens = pieces(text)
        if len(tokens) > self._room:
            tokens = tokens[: self._room]
            self._stop = {"stop_reason": self._full, "stop_sequence": None}
        self._room -= len(tokens)
        self._output_tokens += len(tokens)
        return "".join(tokens), len(tokens)


def _interleaved(content: list[Block], notes: list[Block]) -> list[Block]:
    """Put notes between blocks, one to each place from the last one on, and over again.

    A search and its results stay together; where there is no place, notes come last.
    """
    places = [
        at
        for at in range(len(content) - 1, 0, -1)
        if content[at]["type"] != "web_search_tool_result"
    ] or [len(content)]
    counts = Counter(at for at, _ in zip(cycle(places), notes, strict=False))
    rest, told = iter(notes), list[Block]()
    for at in range(len(content) + 1):
        told += islice(rest, counts[at])
        told += content[at : at + 1]
    return told


def _repeated(text: str, tokens: int) -> str:
    """Return so many tokens of a text that begins anew at its end."""
    whole = text * (tokens // count(text) + 1)
    return "".join(pieces(whole)[:tokens])


def last_text(document: Document) -> str:
    """Return the text of the last user turn, which directives are read from."""
    return " ".join(block["text"] for block in _last_said(document) if block["type"] == "text")


def _last_said(document: Document) -> list[Block]:
    """Return the content of the last user turn, consecutive messages taken together."""
    said: list[Block] = []
    resumed = is_paused(document)
    for turn in reversed(document["messages"]):
        if turn["role"] == "assistant":
            if resumed and not said:
                continue
            break
        if turn["role"] == "user":
            content: str | list[Block] = turn["content"]
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            said = blocks + said
    return said


def _in_words(content: str | list[Block]) -> str:
    if isinstance(content, str):
        return content or "(nothing)"
    return " ".join(block.get("text", f"({block['type']})") for block in content)
