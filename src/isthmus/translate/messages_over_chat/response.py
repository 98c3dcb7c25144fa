"""A chat completion becomes a Messages answer."""

from __future__ import annotations

from typing import Any, cast

from isthmus.translate.messages_over_chat.arguments import arguments_of, require_whole
from isthmus.translate.messages_over_chat.ending import call_id, ending, message_id, used
from isthmus.translate.messages_over_chat.form import PLAIN, AnswerForm
from isthmus.translate.messages_over_chat.stops import StopWatch
from isthmus.wire.chat.documents import Completion
from isthmus.wire.chat.reader import AnswerReader
from isthmus.wire.messages.documents import Block, Message


def response(
    completion: Completion, *, model: str, request_id: str, form: AnswerForm = PLAIN
) -> Message:
    """Translate a whole answer. ``model`` is the name the caller used.

    ``request_id`` names the answer where the upstream does not.

    Raises:
        UpstreamBroken: it is not a completion, was given up, or holds a broken call.
    """
    reader = AnswerReader()
    piece = reader.read(completion)
    watch = StopWatch(form.watched)
    text = watch.feed(piece.text + piece.refusal) + watch.flush()
    end = ending(reader, form, matched=watch.matched, refused=bool(piece.refusal))
    identity = message_id(reader, request_id)
    content = _thinking(piece.thoughts, form)
    if text.strip():
        content.append({"type": "text", "text": text})
    if watch.matched is None:
        content += _calls(reader, identity, cut_off=end.cuts_off)
    message: dict[str, Any] = {
        "id": identity,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        **end.members,
        "usage": used(reader),
    }
    return cast("Message", message)


def _thinking(thoughts: str, form: AnswerForm) -> list[Block]:
    if form.seal is None or not thoughts.strip():
        return []
    shown = form.thoughts == "shown"
    signature = form.seal.sign(thoughts, shown=shown)
    return [{"type": "thinking", "thinking": thoughts if shown else "", "signature": signature}]


def _calls(reader: AnswerReader, identity: str, *, cut_off: bool) -> list[Block]:
    """Translate the calls; one that was cut off before its name is none."""
    blocks: list[Block] = []
    for ordinal, call in enumerate(reader.calls.calls):
        require_whole(call, cut_off=cut_off)
        if call.name:
            block: Block = {"type": "tool_use", "id": call_id(identity, ordinal, reader)}
            block |= {"name": call.name, "input": arguments_of(call.text) or {}}
            blocks.append(block)
    return blocks
