"""The name of one request, under which client and operator can speak of it."""

from __future__ import annotations

import random
import time


def new_request_id() -> str:
    """Make a request id: a time stamp in milliseconds, so that ids sort, and 80 random bits.

    Nobody may do anything by guessing one.
    """
    return f"req_{time.time_ns() // 1_000_000:012x}{random.getrandbits(80):020x}"
