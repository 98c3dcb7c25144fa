"""Items of a response that are under way: each knows what it has said, and how it ends.

Every method returns the events it causes. `item` is the item as it has ended; None before, and for
good where it never may: half a call is not told as one.
"""

from __future__ import annotations

from typing import Any

from isthmus.translate.responses_over_messages import output_items as items
from isthmus.translate.responses_over_messages.form import Head, ResponseForm
from isthmus.translate.to_messages.json_object import Unfencing
from isthmus.wire.messages.documents import Block
from isthmus.wire.responses.documents import Event, Item, Part
from isthmus.wire.responses.events import Numbering


class Place:
    """Where an item stands in its response: its index, its id, and the numbers of its events."""

    def __init__(self, kind: items.Kind, head: Head, index: int, numbering: Numbering) -> None:
        self.name = items.item_id(kind, head, index)
        self._index = index
        self._numbering = numbering

    def whole(self, kind: str, item: Item) -> Event:
        """Make an event that shows the whole item."""
        members = {"output_index": self._index, "item": item}
        return self._numbering.event(f"response.output_item.{kind}", members)

    def say(self, kind: str, **members: Any) -> Event:
        """Make an event about a part of the item."""
        members = {"item_id": self.name, "output_index": self._index, **members}
        return self._numbering.event(f"response.{kind}", members)


class OpenMessage:
    """A message. Its last text part grows until a refusal, or the end, closes it."""

    def __init__(self, place: Place, unfencing: Unfencing | None) -> None:
        self.item: Item | None = None
        self.length = 0
        self._place = place
        self._unfencing = unfencing
        self._parts: list[Part] = []
        self._written: list[str] = []
        self._pages: list[Part] = []
        self._is_writing = False

    def open(self) -> list[Event]:
        """Begin the item; its parts begin when there is something to say in them."""
        item = items.message(self._place.name, [], "in_progress", None)
        return [self._place.whole("added", item)]

    def write(self, text: str) -> list[Event]:
        """Add to the text."""
        events: list[Event] = []
        if not self._is_writing:
            self._is_writing = True
            events.append(self._part("added", items.text_part("", [])))
        self.length += len(text)
        told = text if self._unfencing is None else self._unfencing.feed(text)
        return events + self._delta(told)

    def cite(self, pages: list[Part]) -> list[Event]:
        """Say what the text cites."""
        events: list[Event] = []
        for page in pages:
            events.append(
                self._place.say(
                    "output_text.annotation.added",
                    content_index=len(self._parts),
                    annotation_index=len(self._pages),
                    annotation={"type": "url_citation", **page},
                )
            )
            self._pages.append(page)
        return events

    def refuse(self, refusal: str) -> list[Event]:
        """Say that the model declined; what was said before cannot be recalled."""
        events = self._end_text()
        at, part = len(self._parts), items.refusal_part(refusal)
        events += [
            self._part("added", items.refusal_part("")),
            self._place.say("refusal.delta", content_index=at, delta=refusal),
            self._place.say("refusal.done", content_index=at, refusal=refusal),
            self._part("done", part),
        ]
        self._parts.append(part)
        return events

    def close(self, phase: items.Phase, status: str = "completed") -> list[Event]:
        """End the item."""
        events = self._end_text()
        self.item = items.message(self._place.name, self._parts, status, phase)
        return [*events, self._place.whole("done", self.item)]

    def _delta(self, text: str) -> list[Event]:
        if not text:
            return []
        self._written.append(text)
        at = len(self._parts)
        return [self._place.say("output_text.delta", content_index=at, delta=text, logprobs=[])]

    def _end_text(self) -> list[Event]:
        if not self._is_writing:
            return []
        events = self._delta(self._unfencing.close()) if self._unfencing is not None else []
        part = items.text_part("".join(self._written), self._pages)
        at = len(self._parts)
        done = self._place.say("output_text.done", content_index=at, text=part["text"], logprobs=[])
        events += [done, self._part("done", part)]
        self._parts.append(part)
        self._is_writing = False
        return events

    def _part(self, kind: str, part: Part) -> Event:
        return self._place.say(f"content_part.{kind}", content_index=len(self._parts), part=part)


class OpenReasoning:
    """A run of thinking; each thought that is shown is a part of the summary."""

    def __init__(self, place: Place, form: ResponseForm) -> None:
        self.item: Item | None = None
        self._place = place
        self._form = form
        self._blocks: list[Block] = []
        self._parts = 0
        self._is_showing = False

    def open(self) -> list[Event]:
        """Begin the item; what is sealed comes at its end."""
        item: Item = {"id": self._place.name, "type": "reasoning", "summary": []}
        return [self._place.whole("added", item)]

    def begin(self, block: Block) -> list[Event]:
        """Begin a block of the run with what it already holds."""
        if block["type"] == "redacted_thinking":
            self._blocks.append({"type": "redacted_thinking", "data": block["data"]})
            return []
        made: Block = {"type": "thinking", "thinking": "", "signature": ""}
        self._blocks.append(made)
        made["signature"] = block.get("signature") or ""
        return self.think(block.get("thinking") or "")

    def think(self, text: str) -> list[Event]:
        """Add to the newest thought."""
        self._blocks[-1]["thinking"] += text
        if not text or not self._form.shows_summaries:
            return []
        events: list[Event] = []
        if not self._is_showing:
            self._is_showing = True
            events.append(self._part("added", ""))
        at = self._parts
        return [
            *events,
            self._place.say("reasoning_summary_text.delta", summary_index=at, delta=text),
        ]

    def sign(self, signature: str) -> None:
        """Add to the newest thought's signature."""
        self._blocks[-1]["signature"] += signature

    def end_block(self) -> list[Event]:
        """End the newest thought."""
        if not self._is_showing:
            return []
        self._is_showing = False
        text, at = self._blocks[-1]["thinking"], self._parts
        events = [
            self._place.say("reasoning_summary_text.done", summary_index=at, text=text),
            self._part("done", text),
        ]
        self._parts += 1
        return events

    def close(self) -> list[Event]:
        """End the item."""
        events = self.end_block()
        self.item = items.reasoning(self._place.name, self._blocks, self._form)
        return [*events, self._place.whole("done", self.item)]

    def _part(self, kind: str, text: str) -> Event:
        part = {"type": "summary_text", "text": text}
        at = self._parts
        return self._place.say(f"reasoning_summary_part.{kind}", summary_index=at, part=part)


class OpenCall:
    """A call: of a function, whose arguments come in pieces, or of a custom tool, in one piece."""

    def __init__(self, place: Place, block: Block, form: ResponseForm, *, custom: bool) -> None:
        self.item: Item | None = None
        self.custom = custom
        self._place = place
        self._block = block
        self._form = form

    def open(self) -> list[Event]:
        """Begin the item."""
        name, form = self._place.name, self._form
        if self.custom:
            empty = items.custom_call(name, self._block, {"input": ""}, form)
            return [self._place.whole("added", empty)]
        begun = items.function_call(name, self._block, "", form)
        return [self._place.whole("added", {**begun, "status": "in_progress"})]

    def write(self, piece: str) -> list[Event]:
        """Add to the arguments of a function."""
        if self.custom:
            return []
        return [self._place.say("function_call_arguments.delta", delta=piece)]

    def close(self, value: Any, arguments: str) -> list[Event]:
        """End the item: the input is whole, as a value and as it was written."""
        name, form = self._place.name, self._form
        if not self.custom:
            self.item = items.function_call(name, self._block, arguments, form)
            done = self._place.say("function_call_arguments.done", arguments=arguments)
            return [done, self._place.whole("done", self.item)]
        self.item = items.custom_call(name, self._block, value, form)
        text: str = self.item["input"]
        events = [self._place.say("custom_tool_call_input.delta", delta=text)] if text else []
        events.append(self._place.say("custom_tool_call_input.done", input=text))
        return [*events, self._place.whole("done", self.item)]


class OpenSearch:
    """A search that Claude makes by itself."""

    def __init__(self, place: Place, use_id: str) -> None:
        self.item: Item | None = None
        self.use_id = use_id
        self.arguments: Any = {}
        self._place = place

    def open(self) -> list[Event]:
        """Begin the item; what is searched for is not known yet."""
        item = items.web_search_call(self._place.name, None, "in_progress")
        return [self._place.whole("added", item), self._place.say("web_search_call.in_progress")]

    def ask(self, arguments: Any) -> list[Event]:
        """Take what is searched for."""
        self.arguments = arguments
        return [self._place.say("web_search_call.searching")]

    def close(self, status: str) -> list[Event]:
        """End the item."""
        self.item = items.web_search_call(self._place.name, self.arguments, status)
        found = [self._place.say("web_search_call.completed")] if status == "completed" else []
        return [*found, self._place.whole("done", self.item)]
