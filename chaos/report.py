"""Says what a run came to, as tables a person can read."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from crowd import Tally, Told
from journal import Attempt, Journals
from weather import Almanac

#: Of a finding no more than this is shown of what was heard; of kinds of them, so many.
_SHOWN, _MOST = 6_000, 10


def table(title: str, rows: Iterable[tuple[Any, ...]]) -> str:
    """Lay out rows under a title, the last column to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [title]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  " + "  ".join([*padded, row[-1].rjust(widths[-1])]))
    return "\n".join(lines)


def answers(tally: Tally, excused: int) -> str:
    """Count the answers by kind."""
    total = sum(tally.kinds.values())
    rows: list[tuple[Any, ...]] = [
        (kind, label, count) for (kind, label), count in sorted(tally.kinds.items())
    ]
    rows.append(("all", "", total))
    rows.append(("", "errors that another try might have spared", excused))
    return table("answers", rows)


def faults(journals: Journals, almanac: Almanac) -> str:
    """Count what went wrong upstream, and the attempts."""
    attempts = [each for listed in journals.attempts.values() for each in listed]
    rows: list[tuple[Any, ...]] = sorted(
        Counter(attempt.fault for attempt in attempts if attempt.fault).items()
    )
    spells = Counter(f"{spell.of}: {spell.what}" for spell in almanac.spells)
    rows += [(name, count) for name, count in sorted(spells.items())]
    rows += [("attempts", len(attempts)), ("good ones", sum(each.is_good for each in attempts))]
    return table("faults", rows)


def latencies(tally: Tally) -> str:
    """Show how long complete answers took."""
    if len(tally.latencies) < 2:
        return "latency: too few answers"
    cuts = statistics.quantiles(tally.latencies, n=100)
    return f"latency of complete answers: p50 {cuts[49] * 1e3:.0f} ms, p99 {cuts[98] * 1e3:.0f} ms"


def findings(found: Sequence[tuple[str, Told | None]], journals: Journals, start: float) -> str:
    """Show each kind of finding with the transcript of its first examples."""
    if not found:
        return "findings: none"
    parts = [f"findings: {len(found)}"]
    counts = Counter(what for what, _ in found)
    examples = dict(reversed(found))  # the first of each kind
    for what, count in counts.most_common():
        parts.append(f"--- {count} times: {what}")
    for what in list(counts)[:_MOST]:
        told = examples[what]
        if told is not None:
            parts.append(f"--- {what}")
            parts.append(transcript(told, journals.of(told.question.marker), start))
    return "\n".join(parts)


def failures(tally: Tally, journals: Journals, start: float) -> str:
    """Show every answer that was an error or cut, whether it is a finding or not."""
    failed = [told for told in tally.told if told.verdict.kind in ("error", "cut", "finding")]
    return "\n".join(
        f"--- {told.verdict.kind} {told.verdict.label}\n"
        + transcript(told, journals.of(told.question.marker), start)
        for told in failed
    )


def transcript(told: Told, attempts: Sequence[Attempt], start: float) -> str:
    """Show what a client asked and heard, and what the upstreams did meanwhile."""
    question, heard = told.question, told.heard
    shown = question._asdict() | {"asked at": f"{heard.asked - start:.3f} s"}
    lines = [f"asked {shown}"]
    for each in attempts:
        ended = "never ended" if each.ended is None else f"{each.ended - start:.3f} s"
        lines.append(
            f"at {each.arrived - start:.3f} s upstream {each.upstream} ({each.fault or 'good'}):"
            f" {each.how} {ended}, {each.id}"
        )
    lines.append(f"heard {heard.status} {heard.headers}, ended by {heard.end} "
                 f"at {heard.ended - start:.3f} s")  # fmt: skip
    body = heard.body
    lines.append(body[:_SHOWN].decode(errors="backslashreplace"))
    if len(body) > _SHOWN:
        lines.append(f"... {len(body)} bytes ...\n{body[-300:].decode(errors='backslashreplace')}")
    return "\n".join(f"    {line}" for line in "\n".join(lines).splitlines())
