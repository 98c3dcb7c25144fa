"""Puts chat chunks together again, the way official clients do."""

import json


def fold(chunks: list[dict]) -> dict:
    """Fold the chunks of one stream into the completion they stand for."""
    completion: dict = {"choices": [], "object": "chat.completion", "system_fingerprint": None}
    message: dict = {"role": "assistant", "content": None, "refusal": None}
    choice: dict = {"index": 0, "message": message, "finish_reason": None, "logprobs": None}
    for chunk in chunks:
        completion |= {name: chunk[name] for name in ("id", "created", "model")}
        for name in ("usage", "service_tier"):
            if chunk.get(name) is not None:
                completion[name] = chunk[name]
        for piece in chunk["choices"]:
            _grow(message, piece["delta"])
            choice["finish_reason"] = piece["finish_reason"] or choice["finish_reason"]
            if "stop_sequence" in piece:
                choice["stop_sequence"] = piece["stop_sequence"]
    said = message.keys() & {"tool_calls", "function_call"} or message["refusal"]
    if message["content"] == "" and said:
        message["content"] = None
    completion["choices"].append(choice)
    return completion


def _grow(message: dict, delta: dict) -> None:
    for name, value in delta.items():
        if name in ("tool_calls", "reasoning_details"):
            for entry in value:
                _grow_entry(message.setdefault(name, []), entry)
        elif name == "annotations":
            message.setdefault(name, []).extend(value)
        elif name == "function_call":
            _grow_call(message.setdefault(name, {"name": "", "arguments": ""}), value)
        elif isinstance(message.get(name), str) and name != "role":
            message[name] += value
        else:
            message[name] = value


def _grow_entry(entries: list[dict], piece: dict) -> None:
    index = piece["index"]
    assert index <= len(entries), "pieces of an entry must come in order"
    if index == len(entries):
        entries.append(json.loads(json.dumps(piece)))
        return
    entry = entries[index]
    for name, value in piece.items():
        if name in ("function", "custom"):
            _grow_call(entry[name], value)
        elif name not in ("index", "type"):
            entry[name] = entry.get(name, "") + value


def _grow_call(call: dict, piece: dict) -> None:
    for name, value in piece.items():
        call[name] += value


def as_values(completion: dict) -> dict:
    """Drop what streams and whole answers may say differently: the text form of arguments."""
    copy = json.loads(json.dumps(completion))
    for choice in copy["choices"]:
        message = choice["message"]
        for call in [message, *message.get("tool_calls", [])]:
            call.pop("index", None)
            for name in call.keys() & {"function", "function_call"}:
                call[name]["arguments"] = json.loads(call[name]["arguments"])
    return copy
