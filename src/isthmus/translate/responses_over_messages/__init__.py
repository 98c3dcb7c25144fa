"""Serves the Responses protocol on a Messages upstream.

`request.translate` turns a request into a Messages request and the form of its answer;
`response.response` and `stream.ResponseStream` turn the answer back. Errors are those of
`to_messages.failure`, told by `wire.responses.errors`; `ladder` is the table of what happens to
every field.

Nothing here keeps anything: thinking travels in ``encrypted_content``, sealed by the functions of a
`sealing.Sealing`, and whoever stores responses expands ``previous_response_id`` before. Ids and
times come with a `form.Head`.
"""
