"""Stop sequences that the upstream was not told: looked for in the text as it comes."""

from __future__ import annotations


class StopWatch:
    """Lets text through up to the first of its sequences; `matched` is the one that was found.

    What may be the beginning of a sequence is held back until it is known.
    """

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self.matched: str | None = None
        self._sequences = sequences
        self._held = ""

    def feed(self, text: str) -> str:
        """Take text; return what may be told of it by now."""
        if not self._sequences or self.matched is not None:
            return text if self.matched is None else ""
        text, self._held = self._held + text, ""
        found = [
            (text.find(one) + len(one), -len(one), one) for one in self._sequences if one in text
        ]
        if found:
            # The model would have stopped where the first sequence ends.
            end, _, self.matched = min(found)
            return text[: end - len(self.matched)]
        kept = max(_overlap(text, one) for one in self._sequences)
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]

    def flush(self) -> str:
        """Return what was held back: no sequence can come of it any more."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, sequence: str) -> int:
    """Return how much of the end of ``text`` is a beginning of ``sequence``."""
    longest = min(len(text), len(sequence) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(sequence[:n])), 0)
