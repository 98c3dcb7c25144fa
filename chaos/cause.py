"""Whether an error was called for: what the client heard beside what the upstreams did. Pure.

A gateway may fail a call only where something failed; must not where an upstream was well, nothing
had been sent, and asking there could not have cost twice; and must not work for those who left.
"""

from __future__ import annotations

from collections.abc import Sequence

from caller import Heard
from faults import BY_NAME
from journal import Attempt, Journals
from question import Question
from verdict import Verdict
from weather import SHADY, Almanac, Spell

#: How long the gateway may go on after its client has left. Seconds.
_GRACE = 1.0

#: What a question came to, and what nobody is to blame for.
FINE, EXCUSED = "", "excused"


class Inquiry:
    """Looks into what a run heard, once it is over."""

    def __init__(self, almanac: Almanac, journals: Journals, upstreams: Sequence[str]) -> None:
        self._almanac = almanac
        self._journals = journals
        self._upstreams = upstreams
        for name, since, until in journals.late:
            held = almanac.during(since, until, name)
            if not any(spell.what == "stopped" for spell in held):
                almanac.note(name, "late", since, until)

    def into(self, question: Question, heard: Heard, verdict: Verdict) -> str:
        """Return what is wrong; `FINE`; or `EXCUSED`, for an error that another try may spare."""
        attempts = self._journals.of(question.marker)
        if verdict.kind == "finding":
            return verdict.label
        if verdict.kind == "complete":
            return self._complete(verdict, attempts)
        if verdict.kind == "cancelled":
            return self._cancelled(question, heard, attempts)
        return self._failed(heard, verdict, attempts)

    def _complete(self, verdict: Verdict, attempts: list[Attempt]) -> str:
        """Check that an upstream gave this very answer, and only one did."""
        source = _source(verdict, attempts)
        if source is None or not source.is_good:
            return f"a complete answer that no upstream gave: {verdict.answer_id}"
        whole = [attempt for attempt in attempts if attempt.is_complete]
        if len(whole) > 1 and not self._is_muddled(whole):
            return f"{len(whole)} upstreams answered one question in full"
        return FINE

    def _cancelled(self, question: Question, heard: Heard, attempts: list[Attempt]) -> str:
        late = any(spell.what == "late" for spell in self._spells(heard, _GRACE))
        if late or self._is_muddled(attempts):
            return FINE
        if question.manner == "half" and attempts:
            return "an upstream was asked half a question"
        latest = heard.ended + _GRACE
        if any(attempt.arrived > latest for attempt in attempts):
            return "an upstream was asked for a client that had left"
        if any((attempt.ended or latest) > latest for attempt in attempts):
            return "an upstream's answer was still read for a client that had left"
        return FINE

    def _failed(self, heard: Heard, verdict: Verdict, attempts: list[Attempt]) -> str:
        happened = {(spell.of, spell.what) for spell in self._spells(heard)}
        if ("worker", "killed") in happened or any(what == "late" for _, what in happened):
            return EXCUSED
        processes = [of for of, what in happened if what in ("killed", "stopped")]
        good = [each for each in attempts if each.is_good and each.upstream not in processes]
        slow = any(attempt.fault for attempt in good)
        if good and not slow:
            return f"{verdict.kind} ({verdict.label}), though {good[0].upstream} answered well"
        if not attempts and not happened:
            return f"{verdict.kind} ({verdict.label}) without any cause"
        if verdict.began:
            return _told(verdict, attempts)
        well = self._well(heard)
        if not well:
            return FINE
        if processes or not all(attempt.is_plain for attempt in attempts):
            return EXCUSED
        return f"{verdict.kind} ({verdict.label}), though {well[0]} was well all along"

    def _well(self, heard: Heard) -> list[str]:
        """List who was calm from beginning to end, and whose credential is never refused."""
        foul = {spell.of for spell in self._spells(heard)}
        return [name for name in self._upstreams if name not in foul and name != SHADY]

    def _spells(self, heard: Heard, after: float = 0.0) -> list[Spell]:
        return list(self._almanac.during(heard.asked, heard.ended + after))

    def _is_muddled(self, attempts: list[Attempt]) -> bool:
        """Whether an upstream was held: it reads late what was asked and given up long before."""
        return any(
            spell.what in ("stopped", "killed", "late")
            for attempt in attempts
            for spell in self._almanac.during(
                attempt.arrived - 1.0, attempt.ended or attempt.arrived, attempt.upstream
            )
        )


def _source(verdict: Verdict, attempts: list[Attempt]) -> Attempt | None:
    """Find the attempt that content came from: both sides' ids have the same end."""
    given = f"msg_{(verdict.answer_id or '').removeprefix('chatcmpl-')}"
    return next((attempt for attempt in attempts if attempt.id == given), None)


def _told(verdict: Verdict, attempts: list[Attempt]) -> str:
    """Check that an answer which broke off says why it did, and not what went wrong before it."""
    source = _source(verdict, attempts)
    if source is None:
        return f"content that no upstream gave: {verdict.answer_id}"
    if verdict.kind == "cut":
        return FINE
    reports = source.fault is not None and BY_NAME[source.fault].how == "error"
    expected = {"in stream overloaded"} if reports else {"in stream stream_interrupted"}
    if reports and source.how != "sent":  # it was killed before it could say so, perhaps
        expected.add("in stream stream_interrupted")
    if verdict.label in expected:
        return FINE
    return f"{verdict.label} for an answer that broke off ({source.fault or source.how})"
