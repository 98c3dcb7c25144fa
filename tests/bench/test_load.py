from __future__ import annotations

import json
import socketserver
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

import processes

if processes.which("cc") is None:
    pytest.skip("needs a C compiler", allow_module_level=True)

HEAD = "HTTP/1.1 200 OK\r\n"
TEXT = "The quick fox jumps over the lazy dog."
WHOLE = f'{{"message": {{"content": "{TEXT}"}}, "finish_reason" : "stop"}}'
DELTA = 'data: {"delta":{"content":"t0 "}}\n\n'
DONE = "data: [DONE]\n\n"


def sized(body: str) -> str:
    return f"{HEAD}Content-Length: {len(body)}\r\n\r\n{body}"


def chunked(*chunks: str) -> str:
    frames = "".join(f"{len(chunk):x}\r\n{chunk}\r\n" for chunk in (*chunks, ""))
    return f"{HEAD}transfer-encoding: chunked\r\n\r\n{frames}"


@contextmanager
def answering(answer: str) -> Generator[int]:
    """Give every request one answer, in two pieces; yield the port."""

    class Canned(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline():
                fields = dict(line.split(": ") for line in iter(self.field, ""))
                self.rfile.read(int(fields["content-length"]))
                self.wfile.write(answer[:-1].encode())
                self.wfile.write(answer[-1:].encode())

        def field(self) -> str:
            return self.rfile.readline().decode().strip()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Canned) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The load client, compiled."""
    program = tmp_path_factory.mktemp("bin") / "load"
    source = processes.HERE / "load.c"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    return program


def asked(load: Path, answer: str, *rest: str, mode: str = "whole", seconds: str = "0") -> str:
    """What the client counted, or what it complained of."""
    with answering(answer) as port:
        command = [load, str(port), mode, "chat", "1", seconds, "key", *rest]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    return ended.stderr if ended.returncode else ended.stdout


@pytest.mark.parametrize("answer", [sized(WHOLE), chunked(WHOLE), chunked(WHOLE[:30], WHOLE[30:])])
def test_whole_answers_count_however_they_are_framed(load: Path, answer: str) -> None:
    assert json.loads(asked(load, answer))["answers"] == 1


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (sized(WHOLE).replace("200 OK", "500 Oops"), "an answer is not 200"),
        (sized(WHOLE.replace("lazy", "late")), "the text is not there"),
        (sized(WHOLE.replace("stop", "length")), "the ending is not there"),
    ],
)
def test_a_wrong_answer_is_complained_of(load: Path, answer: str, complaint: str) -> None:
    assert asked(load, answer).startswith(f"load: {complaint}\n{answer[:12]}")


@pytest.mark.parametrize("delta", [DELTA, DELTA.replace(":", ": ")])
def test_deltas_of_a_stream_are_counted(load: Path, delta: str) -> None:
    counted = json.loads(asked(load, chunked(delta, delta + DONE), "2", mode="burst"))
    assert (counted["answers"], counted["events"]) == (1, 2)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (chunked(DELTA, DONE), "deltas are missing"),
        (chunked(DELTA, DELTA), "the end is not there"),
        (chunked(DELTA.replace("t0 ", "t0x"), DELTA, DONE), "a delta is not what was sent"),
    ],
)
def test_a_stream_that_lacks_something_is_complained_of(
    load: Path, answer: str, complaint: str
) -> None:
    assert asked(load, answer, "2", mode="burst").startswith(f"load: {complaint}\n")


def test_requests_at_a_rate_are_as_many_as_it_says(load: Path) -> None:
    counted = json.loads(asked(load, sized(WHOLE), "50", mode="rated", seconds="0.2"))
    assert counted["answers"] == 10
    assert 0.15 < counted["seconds"] < 1
