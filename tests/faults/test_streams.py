"""Streams that break, crawl, flood, or are written in unusual ways."""

import json
import time
from pathlib import Path

import pytest

from factories import messages as make
from factories.chaos_proxy import ChaosProxy
from factories.client import Answer, ask, stream
from factories.fake_upstream import CLOSE, PAUSE, RESET, chunk, event, events, head
from factories.gateway import Gateway

TEXT = "Grüße, 世界 🌍!"
EVENTS = make.stream(make.message(make.text(TEXT)))
HEAD = head(200, "text/event-stream", transfer_encoding="chunked")
END = b"0\r\n\r\n"


def streamed(gateway: Gateway, **more) -> Answer:
    return stream(gateway, model="claude-sonnet-4-6", **more)


def assert_broken(answer: Answer) -> None:
    assert (answer.status, answer.done, answer.cut) == (200, False, True)
    assert answer.data[-1]["error"]["message"]
    assert all(not c["finish_reason"] for d in answer.data[:-1] for c in d["choices"])


def memory(gateway: Gateway) -> int:
    """Return the resident memory of the gateway, in bytes."""
    pages = Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


TRUNCATIONS = {
    "reset": [RESET],
    "close": [CLOSE],
    "clean end": [END],
    "in an event": [chunk(b"event: content_block_delta\ndata: {"), CLOSE],
    "in a character": [chunk(event(EVENTS[4])[:-20] + "ü".encode()[:1]), CLOSE],
    "in the head of a chunk": [b"1f", CLOSE],
    "garbage": [chunk(b"data: {oops\n\n")],
}


@pytest.mark.parametrize("name", TRUNCATIONS)
def test_answer_that_stops_after_content_is_an_error_and_an_unclean_end(start, primary, name):
    gateway = start(primary.url)
    primary.will([*events(EVENTS[:5], PAUSE), *TRUNCATIONS[name]])
    assert_broken(streamed(gateway))


def unusual(lines_end: str, prefix: str, bom: bool) -> bytes:
    """Write a stream as few do, with what is to be passed over."""
    written = "\ufeff" if bom else ""
    for document in EVENTS:
        text = json.dumps(document)
        written += f": a comment\nid: 7\nretry: 10\nevent: {document['type']}\n"
        written += f"data:{prefix}{text[:1]}\ndata:{prefix}{text[1:]}\n\n"
        written += 'event: not_known_yet\ndata: {"type": "not_known_yet"}\n\n'
    return written.replace("\n", lines_end).encode()


@pytest.mark.parametrize("bom", [False, True], ids=["", "bom"])
@pytest.mark.parametrize("prefix", ["", " "], ids=["no space", "space"])
@pytest.mark.parametrize("lines_end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_every_way_to_write_events_is_read_and_unknown_ones_are_passed_over(
    start, primary, lines_end, prefix, bom
):
    gateway = start(primary.url)
    primary.will([HEAD, chunk(unusual(lines_end, prefix, bom)), END])
    answer = streamed(gateway)
    assert (answer.text, answer.done) == (TEXT, True)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_of_any_size_give_the_same_answer(start, primary, size):
    with ChaosProxy(primary.url) as proxy:
        proxy.weather.slice = size
        gateway = start(proxy.url)
        primary.will(events(EVENTS))
        answer = streamed(gateway)
    assert (answer.text, answer.done) == (TEXT, True)


def delta(literal: str) -> bytes:
    """Frame a text delta whose text is written just so."""
    text = (
        '{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": %s}}'
    )
    return chunk(f"event: content_block_delta\ndata: {text % literal}\n\n".encode())


def test_half_a_surrogate_pair_is_put_together_or_replaced(start, primary):
    gateway = start(primary.url)
    halves = [delta(r'"a\ud83d"'), delta(r'"\ude00b"'), delta(r'"c\ud83d"'), delta('"d"')]
    script = events(EVENTS[:3], end=False)
    primary.will([*script, *halves, *map(event, EVENTS[-3:]), END])
    answer = streamed(gateway)
    assert answer.done
    assert answer.text.encode("utf-8")
    assert answer.text.startswith("a")
    assert answer.text.replace("\ufffd", "").replace("😀", "") == "abcd"


def test_event_without_an_end_is_cut_off_and_takes_no_memory(start, primary):
    gateway = start(primary.url)
    primary.will([*events(EVENTS[:5], PAUSE), chunk(b"data: "), *[chunk(b"x" * 1_000_000)] * 64])
    before = memory(gateway)
    assert_broken(streamed(gateway))
    assert memory(gateway) - before < 40_000_000


def test_flood_of_small_events_is_held_back_by_who_reads_it(start, primary):
    gateway = start(primary.url)
    flood = [delta('"x"') * 1000] * 60
    primary.will([*events(EVENTS[:3], end=False), *flood, *map(event, EVENTS[-3:]), END])
    before = memory(gateway)
    answer = streamed(gateway)
    assert (answer.text, answer.done) == ("x" * 60_000, True)
    assert memory(gateway) - before < 40_000_000


def test_trickle_that_never_completes_an_event_is_no_answer(start, primary, backup):
    gateway = start(primary.url, backup.url)
    primary.will([HEAD, *[chunk(b":"), PAUSE] * 80])
    backup.will(events(EVENTS))
    answer = streamed(gateway)
    assert (answer.done, answer.headers["x-isthmus-attempts"]) == (True, "2")


def test_trickle_after_content_ends_by_the_time_without_content(start, primary):
    gateway = start(primary.url)
    primary.will([*events(EVENTS[:5], PAUSE), *[chunk(b":"), PAUSE] * 100])
    began = time.monotonic()
    assert_broken(streamed(gateway))
    assert time.monotonic() - began < 4


def test_thinking_may_be_silent_as_long_as_there_are_pings(start, primary):
    gateway = start(primary.url)
    thought = make.stream(make.message(make.thinking("Hm."), make.text(TEXT)))
    ping = event({"type": "ping"})
    script = events(thought[:3], end=False)
    primary.will([*script, *[ping, *[PAUSE] * 4] * 10, *map(event, thought[3:]), END])
    answer = streamed(gateway)
    assert (answer.text, answer.done) == (TEXT, True)


def test_indexes_out_of_order_are_an_error_without_our_words_for_it(start, primary):
    gateway = start(primary.url)
    wrong = {**EVENTS[2], "index": 5}
    primary.will([*events(EVENTS[:5], PAUSE), event(wrong), event(wrong), END])
    answer = streamed(gateway)
    assert_broken(answer)
    assert "Error" not in answer.data[-1]["error"]["message"]


def test_whole_answer_comes_from_the_next_route_when_a_stream_broke(start, primary, backup):
    gateway = start(primary.url, backup.url)
    primary.will(events(EVENTS[:5], RESET))
    backup.will(events(EVENTS))
    question = [{"role": "user", "content": "Hi"}]
    answer = ask(gateway, {"model": "claude-sonnet-4-6", "messages": question})
    assert answer.document["choices"][0]["message"]["content"] == TEXT
    assert answer.headers["x-isthmus-attempts"] == "2"
