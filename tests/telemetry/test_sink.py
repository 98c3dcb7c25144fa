"""A log that nobody reads holds nobody up."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from isthmus.telemetry.sink import Sink


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue  # the test closed it


@contextmanager
def reading(descriptor: int) -> Iterator[list[bytes]]:
    """Collect all that arrives, on a thread, until the other end is closed."""
    chunks: list[bytes] = []

    def read() -> None:
        while chunk := os.read(descriptor, 65536):
            chunks.append(chunk)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield chunks
    thread.join(5)


def everything(pipe: tuple[int, int], sink: Sink) -> list[str]:
    """Let the sink write all it has, and return the lines."""
    with reading(pipe[0]) as chunks:
        assert sink.flush(5)
        os.close(pipe[1])
    return b"".join(chunks).decode().splitlines()


def test_lines_arrive_in_order(pipe):
    sink = Sink(pipe[1])
    for number in range(100):
        sink.write(f"line {number}")
    assert everything(pipe, sink) == [f"line {number}" for number in range(100)]


def test_lines_that_come_together_are_written_together(pipe):
    sink = Sink(pipe[1])
    for number in range(50):
        sink.write(str(number))
    assert sink.flush(5)
    assert os.read(pipe[0], 65536).count(b"\n") == 50


def test_lines_of_several_threads_are_all_there(pipe):
    sink = Sink(pipe[1])
    threads = [
        threading.Thread(target=lambda: [sink.write("x" * 10) for _ in range(500)])
        for _ in range(8)
    ]
    with reading(pipe[0]) as chunks:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sink.flush(5)
        os.close(pipe[1])
    assert b"".join(chunks) == b"xxxxxxxxxx\n" * 4000


@pytest.mark.parametrize(
    ("bounds", "line"), [({"max_lines": 300}, "x" * 1000), ({"max_size": 300_300}, "x" * 1000)]
)
def test_what_is_too_much_for_a_pipe_that_nobody_reads_is_dropped_and_told(pipe, bounds, line):
    sink = Sink(pipe[1], **bounds)
    started = time.perf_counter()
    for _ in range(5000):
        sink.write(line)
    assert time.perf_counter() - started < 1
    assert not sink.flush(0.01)
    assert 4600 < sink.dropped <= 4700
    lost = sink.dropped
    lines = everything(pipe, sink)
    (told,) = (other for other in lines if other != line)
    assert len(lines) == 5000 - lost + 1
    assert told.endswith(f" log level=warning logger=isthmus dropped={lost}")


def test_loss_is_told_once(pipe):
    sink = Sink(pipe[1], max_lines=1)
    sink.write("a")
    sink.write("b")
    assert sink.flush(5)
    sink.write("c")
    lines = everything(pipe, sink)
    assert (lines[0], lines[2]) == ("a", "c")
    assert [line.split()[-1] for line in lines] == ["a", "dropped=1", "c"]


def test_lines_that_cannot_be_written_are_counted_and_told_when_they_can(pipe):
    sink = Sink(pipe[1])
    other = os.dup(pipe[1])
    os.close(pipe[1])
    sink.write("lost")
    assert sink.flush(5)
    assert sink.dropped == 1
    os.dup2(other, pipe[1])
    os.close(other)
    sink.write("found")
    assert [line.split()[-1] for line in everything(pipe, sink)] == ["found", "dropped=1"]


def test_descriptor_that_does_not_block_loses_nothing(pipe):
    os.set_blocking(pipe[1], False)
    sink = Sink(pipe[1])
    for _ in range(200):
        sink.write("x" * 999)
    assert not sink.flush(0.01)
    assert everything(pipe, sink) == ["x" * 999] * 200


def test_signal_in_the_middle_of_a_line_may_write_another(pipe):
    sink = Sink(pipe[1])
    with sink._lock:
        before = signal.signal(signal.SIGUSR1, lambda *_: sink.write("from the signal"))
        signal.raise_signal(signal.SIGUSR1)
        signal.signal(signal.SIGUSR1, before)
    assert everything(pipe, sink) == ["from the signal"]


def test_text_that_is_no_text_is_written_escaped(pipe):
    sink = Sink(pipe[1])
    sink.write("a\ud800b")
    assert everything(pipe, sink) == ["a\\ud800b"]


def test_nothing_is_waited_for_where_nothing_was_written():
    assert Sink(-1).flush(0)
