"""Puts Responses events together again, the way clients do, and checks what they say."""

import json

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from factories.sealing import SEALING
from isthmus.translate.responses_over_messages.form import Head, ResponseForm
from isthmus.translate.responses_over_messages.namespaces import Named
from isthmus.translate.to_messages.form import AnswerForm

HEAD = Head(id="resp_01", created_at=1, model="m")
_ECHO = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "service_tier": None}
_EVENTS = TypeAdapter(ResponseStreamEvent)
#: What the API says and the client's models leave out.
_UNLISTED = {"store", "frequency_penalty", "presence_penalty"}
_CLOSED = {"output_text": "text", "refusal": "refusal", "summary_text": "text"}


def form(**options) -> ResponseForm:
    """Make a form; options of the answer's form may stand among its own."""
    own = options.keys() & {"shows_summaries", "names", "echo"}
    settings = {"shows_summaries": True, "names": {}, "echo": _ECHO}
    settings |= {name: options.pop(name) for name in own}
    return ResponseForm(answer=AnswerForm(**options), sealing=SEALING, model="claude", **settings)


IN_CRM = {"crm__find": Named("find", "crm")}


def validated(document: dict, kind: type | TypeAdapter = _EVENTS) -> None:
    """Check a document against the models of the official client; nothing may be left over."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    model = adapter.validate_python(document)
    told = json.loads(
        json.dumps(model.to_dict(mode="json", exclude_unset=True, use_api_names=True))
    )
    assert told == json.loads(json.dumps(document))
    _forbid_extras(model)


def validated_response(document: dict) -> None:
    validated(document, Response)


def _forbid_extras(model: object) -> None:
    if isinstance(model, list):
        for each in model:
            _forbid_extras(each)
    elif hasattr(model, "model_fields_set"):
        known = type(model).model_fields
        extras = set(model.model_extra or ()) - _UNLISTED
        assert not extras, (type(model).__name__, extras)
        for name in known:
            _forbid_extras(getattr(model, name))


class Client:
    """Builds the output from deltas alone, and compares every summary of them on the way."""

    def __init__(self) -> None:
        self.items: dict[int, dict] = {}
        self.done: set[int] = set()
        self.response: dict = {}
        self._texts: dict[tuple, str] = {}

    def take(self, number: int, event: dict) -> None:
        assert event["sequence_number"] == number
        kind = event["type"].removeprefix("response.")
        if "response" in event:
            self.response = event["response"]
        elif kind == "output_item.added":
            assert event["output_index"] == len(self.items)
            self.items[event["output_index"]] = event["item"]
        elif kind == "output_item.done":
            self._finish(event)
        else:
            self._grow(kind, event)

    def _finish(self, event: dict) -> None:
        index, item = event["output_index"], event["item"]
        assert index not in self.done
        assert self.items[index]["id"] == item["id"]
        for number, part in enumerate(item.get("content") or item.get("summary") or ()):
            told = self._texts.get((item["id"], part["type"], number), "")
            assert told == part[_CLOSED[part["type"]]]
        for member in ("arguments", "input"):
            if member in item:
                assert self._texts.get((item["id"], member), "") == item[member]
        self.items[index] = item
        self.done.add(index)

    def _grow(self, kind: str, event: dict) -> None:
        assert event["output_index"] not in self.done
        assert self.items[event["output_index"]]["id"] == event["item_id"]
        if kind.endswith(".delta"):
            key = self._key(kind, event)
            self._texts[key] = self._texts.get(key, "") + event["delta"]

    def _key(self, kind: str, event: dict) -> tuple:
        match kind.removesuffix(".delta"):
            case "output_text" | "refusal" as part:
                return event["item_id"], part, event["content_index"]
            case "reasoning_summary_text":
                return event["item_id"], "summary_text", event["summary_index"]
            case "function_call_arguments":
                return event["item_id"], "arguments"
            case _:
                return event["item_id"], "input"


def fold(events: list[dict]) -> dict:
    """Return the response that a stream ends with, once it agrees with all that was streamed."""
    client = Client()
    for number, event in enumerate(events):
        client.take(number, event)
    whole = [item for index, item in client.items.items() if index in client.done]
    assert client.response["output"] == whole
    return client.response


def as_values(response: dict) -> dict:
    """Drop what streams and whole answers may say differently: the text form of arguments."""
    copy = json.loads(json.dumps(response))
    for item in copy["output"]:
        if "arguments" in item:
            item["arguments"] = json.loads(item["arguments"])
    return copy
