"""One line for each call, on a stream of text. Never a key, a header or a body."""

from __future__ import annotations

import asyncio
import time
from typing import TextIO

from isthmus.call import Incident, Outcome

#: Lines are written together: a call must not wait for a terminal or a pipe. Seconds.
_DELAY = 0.05


class CallLog:
    """Writes outcomes as ``name=value`` pairs to ``stream``, a moment after they happened."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []

    def ended(self, outcome: Outcome) -> None:
        """Take one outcome; it is written soon."""
        line = (
            f"{_now()} call request={outcome.request_id} endpoint={_printable(outcome.endpoint)} "
            f"status={outcome.status} ending={outcome.ending} seconds={outcome.seconds:.3f}"
        )
        if outcome.principal is not None:
            line += f" principal={outcome.principal}"
        if outcome.model is not None:
            line += f" model={_printable(outcome.model)}"
        if outcome.error is not None:
            line += f" error={outcome.error}"
        if outcome.attempts:
            line += f" upstream={outcome.attempts[-1].upstream} attempts={len(outcome.attempts)}"
        usage = outcome.usage
        if usage is not None:
            line += f" prompt_tokens={usage.prompt_tokens} completion_tokens={usage.output_tokens}"
        self._write(line)

    def _write(self, line: str) -> None:
        if not self._lines:
            asyncio.get_running_loop().call_later(_DELAY, self.flush)
        self._lines.append(line)

    def noticed(self, incident: Incident) -> None:
        """Take one incident; it is written soon."""
        line = f"{_now()} {incident.kind} upstream={incident.upstream}"
        if incident.credential:
            line += f" credential={incident.credential}"
        if incident.base_url:
            line += f" base_url={incident.base_url}"
        if incident.model:
            line += f" model={_printable(incident.model)}"
        line += f" reason={incident.reason} seconds={incident.seconds:.3g}"
        self._write(line)

    def flush(self) -> None:
        """Write what is waiting."""
        if not self._lines:
            return
        text = "\n".join(self._lines)
        self._lines.clear()
        print(text, file=self._stream, flush=True)


def _now() -> str:
    """Return the time in UTC to the second (RFC 3339)."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _printable(text: str) -> str:
    """Keep a caller's text from writing lines of its own into the log."""
    text = text[:200].replace(" ", "_")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "_" for char in text)
