"""Serves the Responses protocol on a Messages upstream.

`request.translate` turns a request, whose shape `wire.responses.shape.checked` has looked at, into
what is sent and the form of its answer. `response.response` and `stream.ResponseStream` turn the
answer back; `wire.responses.events.framed` writes an event. A turn of several calls upstream, a
refused thought and an upstream's error are dealt with as for chat: `to_messages.turn` (with
``sent.form.only``), `to_messages.repair` and `to_messages.failure`; a stream that fails says so
with `ResponseStream.fail`. `ladder` is the table of what happens to every field, `applied` says
which of it a request met.

Nothing here keeps anything: thinking travels in ``encrypted_content``, sealed by the functions of a
`sealing.Sealing`, and whoever stores responses expands ``previous_response_id`` before. Ids and
times come with a `form.Head`.
"""
