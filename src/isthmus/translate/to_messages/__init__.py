"""What every request to a Messages model has to settle, whoever asks.

The packages beside this one read a conversation in their own protocol into `turns`, put the rest of
the request into the words of Chat Completions, and have `request` settle those for one model: how
it thinks, which tools it sees, what is cached. `forced`, `json_object` and `turn` lead answers
back, `failure` and `repair` deal with refusals.
"""
