"""A Messages upstream that answers by marker, and fails as its mood is. A process of its own.

    python upstream.py NAME PORT CREDENTIAL SEED JOURNAL

Commands come as lines on standard input, each answered by a line of JSON: a mood; ``refuse`` and
``listen``; ``state``. What was sent, to whom and how far goes to the journal line by line, so that
a kill loses nothing: ``arrived`` and ``ended`` for each attempt.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import resource
import socket
import struct
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import uvloop

from faults import Mood, drawn
from marker import found_in, is_slow, wanted
from script import Script, refusal, written

#: What a request may have; the platform refuses all else.
FIELDS = {
    *("model", "max_tokens", "messages", "system", "tools", "tool_choice", "stream", "thinking"),
    *("metadata", "cache_control", "output_config", "temperature", "stop_sequences"),
}
#: A machine that leaves a process waiting for so many seconds is noted: what was late may be its.
_TICK, _LATE = 0.1, 0.4


class Journal:
    """A file that several lives of one upstream append to."""

    def __init__(self, path: Path, upstream: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._upstream = upstream

    def note(self, what: str, **more: Any) -> None:
        """Append one line; the time is monotonic, and the same for all processes."""
        line = {"at": time.monotonic(), "upstream": self._upstream, "what": what, **more}
        os.write(self._file, json.dumps(line).encode() + b"\n")


class Upstream:
    """The server, with its mood."""

    def __init__(self, name: str, credential: str, seed: str, journal: Journal) -> None:
        self.mood: Mood = "calm"
        self._name = name
        self._credential = credential
        self._seed = seed
        self._journal = journal
        self._asked: Counter[str] = Counter()
        self._open = self._busy = 0
        self._server: asyncio.Server | None = None

    async def listen(self, port: int) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", port, reuse_address=True, backlog=1024
        )

    def refuse(self) -> None:
        """Take no more connections; those there are go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def state(self) -> dict[str, Any]:
        """Say how many connections are open, and how many of them wait for an answer."""
        return {"mood": self.mood, "open": self._open, "busy": self._busy}

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            while await self._exchange(reader, writer):
                continue
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, headers, document = await _read_request(reader)
        self._busy += 1
        try:
            objection = self._objection(line, headers, document)
            if objection is not None:
                self._journal.note("objected", marker=_marker(document), why=objection)
                writer.write(refusal(400, "invalid_request_error", objection))
                return True
            return await self._answer(reader, writer, document)
        finally:
            self._busy -= 1

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, document: dict[str, Any]
    ) -> bool:
        marker = _marker(document) or ""
        self._asked[marker] += 1
        number = f"{os.getpid()}_{self._asked[marker]}"
        answer_id = f"msg_{marker}_{self._name}_{number}"
        rng = random.Random(f"{self._seed}/{self._name}/{marker}/{self._asked[marker]}")
        fault = drawn(self.mood, rng)
        name = fault.name if fault else None
        self._journal.note("arrived", marker=marker, id=answer_id, fault=name)
        answer = wanted(marker, tools=bool(document.get("tools")))
        stream = document.get("stream") is True
        slow = is_slow(marker)
        script = written(answer, answer_id, stream=stream, fault=fault, slow=slow)
        sent = 0
        try:
            sent = await _play(script.pieces, script.pause, reader, writer)
            return sent == len(script.pieces) and await _end(script, reader, writer)
        finally:
            how = "sent" if sent == len(script.pieces) else "gone"
            self._journal.note("ended", marker=marker, id=answer_id, how=how)

    def _objection(
        self, line: str, headers: dict[str, str], document: dict[str, Any]
    ) -> str | None:
        """Say what is wrong with a request; what the gateway sends is right, or a finding."""
        if line != "POST /v1/messages HTTP/1.1":
            return f"no such path: {line}"
        if headers.get("x-api-key") != self._credential:
            return "the credential is somebody else's"
        if headers.get("anthropic-version") not in ("2023-06-01", "2026-10-21"):
            return "anthropic-version: header is required"
        extra = sorted(document.keys() - FIELDS)
        if extra:
            return f"{extra[0]}: Extra inputs are not permitted"
        return None if _marker(document) else "there is no marker in the message"


async def _play(
    pieces: list[bytes], pause: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> int:
    """Send pieces; return how many went out before the other side was gone."""
    for sent, piece in enumerate(pieces):
        if reader.at_eof() or writer.is_closing():
            return sent
        writer.write(piece)
        await writer.drain()
        if pause:
            await asyncio.sleep(pause)
    return len(pieces)


async def _end(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """End as the script says; say whether another request may follow."""
    if script.ending == "keep":
        return True
    if script.ending == "stall":
        await reader.read(1)
    elif script.ending == "reset" and not writer.is_closing():
        linger = struct.pack("ii", 1, 0)
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
    return False


async def _read_request(
    reader: asyncio.StreamReader,
) -> tuple[str, dict[str, str], dict[str, Any]]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {
        name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return lines[0], headers, json.loads(body or b"{}")


def _marker(document: dict[str, Any]) -> str | None:
    messages = document.get("messages")
    return found_in(json.dumps(messages[-1])) if messages else None


async def _watch_the_clock(journal: Journal) -> None:
    """Note when this process did not get to run."""
    before = time.monotonic()
    while True:
        await asyncio.sleep(_TICK)
        now = time.monotonic()
        if now - before > _TICK + _LATE:
            journal.note("late", since=before)
        before = now


async def _obey(upstream: Upstream, port: int) -> None:
    """Do what is said on standard input, until it ends."""
    commands = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := (await commands.readline()).decode().strip():
        if line in get_args(Mood):
            upstream.mood = line  # type: ignore[assignment]
        elif line == "refuse":
            upstream.refuse()
        elif line == "listen":
            await upstream.listen(port)
        sys.stdout.write(json.dumps(upstream.state()) + "\n")
        sys.stdout.flush()


async def _serve(name: str, port: str, credential: str, seed: str, path: str) -> None:
    journal = Journal(Path(path), name)
    upstream = Upstream(name, credential, seed, journal)
    async with asyncio.TaskGroup() as group:
        clock = group.create_task(_watch_the_clock(journal))
        await _obey(upstream, int(port))
        clock.cancel()
    os._exit(0)  # whatever is still being answered


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    uvloop.run(_serve(*sys.argv[1:]))
