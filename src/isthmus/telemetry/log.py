"""One line for each call and each incident. Never a key, a header or a body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from isthmus.call import Incident, Outcome, dollars
from isthmus.redaction import masked
from isthmus.telemetry.line import quoted, utc_now, word


class CallLog:
    """Hands outcomes and incidents to ``write`` as a line of ``name=value`` pairs each.

    Where a caller's own words are repeated, ``secrets`` and whatever looks like one are left out.
    """

    def __init__(self, write: Callable[[str], None], secrets: Sequence[str] = ()) -> None:
        self._write = write
        # Most calls say the same few words.
        self._word = lru_cache(1000)(partial(_word, secrets=secrets))

    def ended(self, outcome: Outcome) -> None:
        """Take one outcome."""
        line = (
            f"{utc_now()} call request={outcome.request_id} "
            f"endpoint={self._word(outcome.endpoint)} status={outcome.status} "
            f"ending={outcome.ending} seconds={outcome.seconds:.3f}"
        )
        if outcome.principal is not None:
            line += f" principal={outcome.principal}"
        if outcome.model is not None:
            line += f" model={self._word(outcome.model)}"
        if outcome.error is not None:
            line += f" error={outcome.error}"
        if outcome.attempts:
            line += f" upstream={outcome.attempts[-1].upstream} attempts={len(outcome.attempts)}"
        usage = outcome.usage
        if usage is not None:
            line += f" prompt_tokens={usage.prompt_tokens} completion_tokens={usage.output_tokens}"
            line += f" cost={_cost(outcome)}"
        self._write(line)

    def noticed(self, incident: Incident) -> None:
        """Take one incident."""
        line = f"{utc_now()} incident kind={incident.kind}"
        for name in ("upstream", "credential", "base_url", "model"):
            value: str = getattr(incident, name)
            if value:
                line += f" {name}={self._word(value)}"
        if incident.reason:
            line += f" reason={quoted(masked(incident.reason))}"
        if incident.seconds:
            line += f" seconds={incident.seconds:.3f}"
        self._write(line)


def _cost(outcome: Outcome) -> str:
    nano = outcome.cost
    return "unpriced" if nano is None else dollars(nano)


def _word(text: str, secrets: Sequence[str]) -> str:
    return word(masked(text, secrets))
