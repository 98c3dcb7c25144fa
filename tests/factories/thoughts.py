"""Thoughts of the sandbox that belong to no conversation."""

from isthmus.sandbox import signature

NOWHERE = signature.Bond(model="claude-sonnet-4-6", account="", prefix="")


def sign(thought: str) -> str:
    return signature.sign(thought, NOWHERE)


def redact(thought: str) -> str:
    return signature.redact(thought, NOWHERE)
