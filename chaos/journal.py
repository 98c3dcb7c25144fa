"""What the upstreams wrote down: each attempt by the marker it was for."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults import BY_NAME


@dataclass
class Attempt:
    """One request that arrived at an upstream.

    ``how``: ``sent``: to the last byte of its script; ``gone``: its client left before that; None:
    the upstream was killed. Times are monotonic seconds.
    """

    id: str
    upstream: str
    arrived: float
    fault: str | None
    how: str | None = None
    ended: float | None = None

    @property
    def is_good(self) -> bool:
        """Whether a whole and right answer was to be sent, at whatever pace."""
        return self.fault is None or BY_NAME[self.fault].how == "trickle"

    @property
    def is_complete(self) -> bool:
        """Whether a whole and right answer was sent."""
        return self.is_good and self.how == "sent"

    @property
    def is_plain(self) -> bool:
        """Whether it failed in a way that lets anybody ask elsewhere without a risk."""
        return self.fault is not None and BY_NAME[self.fault].plain and self.how is not None

    def __str__(self) -> str:
        ended = "never" if self.ended is None else f"{self.ended:.3f}"
        fault = self.fault or "good"
        return f"{self.arrived:.3f} {self.upstream} {fault}: {self.how} {ended} {self.id}"


class Journals:
    """All journals of a run. ``late``: when an upstream did not get to run, by its name."""

    def __init__(self) -> None:
        self.attempts: dict[str, list[Attempt]] = defaultdict(list)
        self.objections: list[str] = []
        self.late: list[tuple[str, float, float]] = []
        self._by_id: dict[str, Attempt] = {}

    def of(self, marker: str) -> list[Attempt]:
        """Return the attempts for one marker, in the order of their arrival."""
        return sorted(self.attempts.get(marker, []), key=lambda attempt: attempt.arrived)

    def read(self, path: Path) -> None:
        """Read one journal."""
        for line in path.read_text().splitlines():
            self._take(json.loads(line))

    def _take(self, line: Mapping[str, Any]) -> None:
        match line["what"]:
            case "arrived":
                attempt = Attempt(line["id"], line["upstream"], line["at"], line["fault"])
                self.attempts[line["marker"]].append(attempt)
                self._by_id[attempt.id] = attempt
            case "ended":
                attempt = self._by_id[line["id"]]
                attempt.how, attempt.ended = line["how"], line["at"]
            case "objected":
                self.objections.append(f"{line['upstream']} objected: {line['why']}")
            case "late":
                self.late.append((line["upstream"], line["since"], line["at"]))
            case what:
                raise ValueError(f"nobody writes {what!r}")
