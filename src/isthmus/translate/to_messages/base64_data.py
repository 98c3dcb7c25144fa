"""Data that a request brings along: base64 text, in a data URL or bare."""

from __future__ import annotations

import base64
import binascii
import re

from isthmus.errors import InvalidRequest

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.ASCII | re.IGNORECASE)


def is_data_url(text: str) -> bool:
    """Say whether ``text`` begins like a data URL."""
    return text[:5].lower() == "data:"


def taken_apart(url: str, path: str) -> tuple[str, str]:
    """Return the media type that a data URL declares (lower case, may be empty) and its data.

    Raises:
        InvalidRequest: not a data URL, or one whose data is not base64.
    """
    match = _DATA_URL.match(url)
    if match is None or ";base64" not in match.group(2).lower():
        raise InvalidRequest(f"'{path}' is not a base64 data URL.", param=path)
    return match.group(1).strip().lower(), url[match.end() :]


def decoded(data: str, path: str) -> bytes:
    """Return the bytes that ``data`` stands for.

    Raises:
        InvalidRequest: it is not base64.
    """
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest(f"'{path}' does not hold valid base64.", param=path) from None
