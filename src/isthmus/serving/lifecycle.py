"""What the answer of a deprecated model says of its last day. Here, where today is known."""

from __future__ import annotations

import datetime as dt

from isthmus.routing.catalog import Deprecation


def day_of(seconds: float) -> dt.date:
    """Return the day, in UTC, of a time in Unix seconds."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date()


def told(deprecation: Deprecation, today: dt.date) -> str:
    """Say that a model is deprecated, until when it lives or lived, and what to use instead."""
    last = deprecation.retires_at
    if last is None:
        says = "deprecated"
    elif today <= last:
        says = f"deprecated, retires {last}"
    else:
        says = f"deprecated, its retirement date {last} has passed"
    return f"{says}, use {deprecation.successor}" if deprecation.successor else says
