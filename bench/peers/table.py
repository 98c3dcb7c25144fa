"""Says a run in Markdown: the figures, who took part, who failed, who is absent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from peers.figures import Entry, Figures, Run

COLUMNS = (
    ("CPU per answer, full load", "whole_us"),
    ("CPU per answer, 20/s", "rated_us"),
    ("p50 / p99 at 20/s", ""),
    ("CPU per event, burst", "burst_us"),
    ("CPU per event, 500/s", "paced_us"),
    ("memory", "memory_mb"),
    ("first answer", "start_s"),
)
#: Above this load average other work takes a share of what is measured.
_QUIET = 0.5


def markdown(run: Run, absent: Mapping[str, str]) -> str:
    """Return the part of the page that a run fills."""
    busy = f" (busy with other work: load average {run.load:g})" if run.load > _QUIET else ""
    lead = (
        f"{run.day}, {run.machine}{busy}; one core for each server, medians of {run.rounds} "
        f"round{'s' if run.rounds > 1 else ''}:"
    )
    return "\n\n".join([lead, _figures(run.entries), _present(run.entries), _absent(absent)])


def duration(microseconds: float) -> str:
    """Return microseconds in the unit that suits them, with two or three digits."""
    if microseconds >= 1000:
        return f"{digits(microseconds / 1000)} ms"
    return f"{digits(microseconds)} us"


def digits(value: float) -> str:
    """Return a number with as many decimals as it deserves: 0.41, 6.2, 147."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 20 else f"{value:.0f}"


def _figures(entries: Iterable[Entry]) -> str:
    heads = ["gateway", *(head for head, _ in COLUMNS)]
    rows = [heads, ["---", *("--:" for _ in COLUMNS)]]
    for entry in sorted(entries, key=_rank):
        cells = (_cell(entry.figures, field) for _, field in COLUMNS)
        rows.append([entry.name, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rank(entry: Entry) -> tuple[bool, float]:
    return bool(entry.failures), entry.figures.whole_us or float("inf")


def _cell(figures: Figures, field: str) -> str:
    if not field:
        if figures.p50_ms is None or figures.p99_ms is None:
            return "fails"
        return f"{digits(figures.p50_ms)} / {digits(figures.p99_ms)} ms"
    value = getattr(figures, field)
    if value is None:
        return "fails"
    if field == "memory_mb":
        return f"{value:.0f} MB"
    return duration(value) if field.endswith("_us") else f"{digits(value)} s"


def _present(entries: Iterable[Entry]) -> str:
    lines: list[str] = []
    for entry in sorted(entries, key=_rank):
        lines.append(f"- **{entry.name}** {entry.version}: {entry.made_of}.")
        lines += [f"  - Fails: {plain(failure)}." for failure in entry.failures]
    return "\n".join(["Versions, and what failed:", "", *lines])


def _absent(absent: Mapping[str, str]) -> str:
    rows = [f"| {name} | {why} |" for name, why in absent.items()]
    lead = "Not compared, because the package registries have no program to install:"
    return "\n".join([lead, "", "| gateway | why |", "|---|---|", *rows])


def plain(text: str) -> str:
    """Return text that a table or a list shows as it is: one line, as code where it is JSON."""
    line = " ".join(text.split()).replace("|", "/").rstrip(".")
    before, brace, after = line.partition("{")
    return f"{before}`{brace}{after}`" if brace else line
