"""How many tokens a prompt may have, guessed from the bytes of its request, before anybody knows.

A token of English is about four bytes, of code about three, of Chinese about two. What is encoded
in base 64 is an image or a document, which costs by its size in pixels or pages: a page is rarely
smaller than 4 kB, and an image costs no more than 5,000 tokens.
"""

from __future__ import annotations

import re

_ENCODED = re.compile(rb"[A-Za-z0-9+/=\\]{4096,}")
_LIKELY_BYTES, _LEAST_BYTES = 4, 2
#: Tokens of what stands in such a run, and of each of its bytes.
_EACH, _BYTES_OF_FILE = 5_000, 2


def prompt_tokens(body: bytes) -> tuple[int, int]:
    """Return how many it likely has, and how many it has at most."""
    size, files = len(body), 0
    if b"base64" in body:
        for run in _ENCODED.finditer(body):
            length = run.end() - run.start()
            size -= length
            files += _EACH + (length // _BYTES_OF_FILE if _is_document(run.group()) else 0)
    return size // _LIKELY_BYTES + files, size // _LEAST_BYTES + files


def _is_document(encoded: bytes) -> bool:
    """Say whether it is a PDF, whose pages cost by their text."""
    return encoded.startswith(b"JVBERi")
