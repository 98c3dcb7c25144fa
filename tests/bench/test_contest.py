from __future__ import annotations

import string

import pytest

from peers import contest
from peers.roster import PEERS, Peer

KNOWN = {"port": "1", "mock": "2", "directory": "/d", "installed": "/i"}


def test_a_wrong_answer_is_said_in_one_line() -> None:
    seen = 'load: an answer is not 200\nHTTP/1.1 500 Oops\r\na: b\r\n\r\n{"status":"failure"}'
    assert contest.summary(seen) == 'an answer is not 200 - 500 Oops - {"status":"failure"}'


def test_a_complaint_without_an_answer_stands_alone() -> None:
    assert contest.summary("load: nothing came for ten seconds") == "nothing came for ten seconds"


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.key)
def test_every_peer_can_be_written_down_and_started(peer: Peer) -> None:
    texts = [*peer.files.values(), *peer.command, peer.headers]
    fields = {field for text in texts for _, field, *_ in string.Formatter().parse(text) if field}
    assert fields <= set(KNOWN)
    assert "mock" in fields
    assert "port" in fields or contest.known_later(peer)
    assert all(f"{{directory}}/{name}" in " ".join(peer.command) for name in peer.files)


def test_peers_have_places_of_their_own() -> None:
    assert len({peer.key for peer in PEERS}) == len(PEERS)
