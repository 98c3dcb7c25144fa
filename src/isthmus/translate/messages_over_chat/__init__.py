"""Serves the Messages protocol on an upstream that speaks Chat Completions.

What a door calls, in order:

- `wire.messages.shape.checked(document)` checks the body; `local.answered(...)` answers what asks
  for no model at all.
- `request.translate(document, model, capabilities, remarks=..., terms=...)` returns a `Translated`:
  the chat request, and the form of its answer. `request.streaming` asks for it as a stream.
- `response.response(completion, model=..., form=...)` turns a whole answer back.
- `stream.MessagesStream(model=..., form=...)` turns a stream back: `feed(event)` takes what
  `wire.chat.events.decode` returns and gives Messages events, `close()` takes the end of the input,
  `finish()` gives the last events once it is `complete`. `wire.messages.events.framed` writes them.
- `failure.tell(error)` says what an upstream refused as a caller of the Messages door is told.
- `signature.without_foreign_thinking(document)` is for the doors to Claude: thinking that other
  models thought must not get there.

`ladder` is the table of what happens to every field. What differs between vendors is data:
`call.ChatCapabilities` and its `ChatDialect`.
"""
