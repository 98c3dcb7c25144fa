"""Takes every server through its rounds, in turn, and collects what came of it."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import processes
from peers import contest, installs
from peers.figures import Entry, Figures, median
from peers.roster import Peer


class Score:
    """What is known of one peer so far."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.version = ""
        self.rounds: list[Figures] = []
        self.failures: list[str] = []

    def fail(self, *reasons: str) -> None:
        """Note reasons, each once."""
        self.failures += [reason for reason in reasons if reason not in self.failures]

    def entry(self) -> Entry:
        """Return the line of the table."""
        figures = median(self.rounds) if self.rounds else Figures()
        peer = self.peer
        return Entry(peer.key, peer.name, self.version, peer.made_of, figures, tuple(self.failures))


def measure(peers: Iterable[Peer], rounds: int, scale: float) -> list[Entry]:
    """Install and measure the peers, one after the other in each round."""
    scores = [installed(peer) for peer in peers]
    mock = processes.free_port()
    with tempfile.TemporaryDirectory() as directory:
        command: list[str | Path] = [processes.BIN / "mock", str(mock)]
        log, listens = Path(directory) / "mock.log", lambda: processes.listens(mock)
        with processes.started(command, processes.OTHERS, log, listens):
            for number in range(rounds):
                print(f"bench: round {number + 1} of {rounds}", file=sys.stderr)
                _round(scores, mock, scale)
    return [score.entry() for score in scores]


def installed(peer: Peer) -> Score:
    """Install a peer; return its score, with the reason where that failed."""
    score = Score(peer)
    try:
        installs.install(peer)
        score.version = installs.version(peer)
    except installs.NotInstalled as reason:
        score.fail(f"not installed: {reason}")
    return score


def _round(scores: Sequence[Score], mock: int, scale: float) -> None:
    for score in scores:
        if not score.version:
            continue
        print(f"bench: {score.peer.name}", file=sys.stderr)
        try:
            figures, wrong = contest.measured(score.peer, mock, scale)
        except contest.NotStarted as reason:
            score.fail(str(reason))
            continue
        score.rounds.append(figures)
        score.fail(*wrong)
