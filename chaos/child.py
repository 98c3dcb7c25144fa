"""The process of one upstream, as the run sees it: started, commanded, killed, started again."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from faults import Mood
from gateway import credential

_PROGRAM = Path(__file__).with_name("upstream.py")


class Child:
    """An upstream with a name and a port that outlive its process."""

    def __init__(self, name: str, port: int, seed: str, journal: Path) -> None:
        self.name = name
        self.port = port
        self._arguments = [name, str(port), credential(name), seed, str(journal)]
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, mood: Mood = "calm") -> None:
        """Start a process in some mood; it listens when this returns."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, _PROGRAM, *self._arguments, stdin=pipe, stdout=pipe
        )
        await self.tell(mood)
        await self.tell("listen")

    async def tell(self, command: str) -> dict[str, Any]:
        """Give a command; return the state after it."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise RuntimeError(f"upstream {self.name} does not run")
        process.stdin.write(f"{command}\n".encode())
        line = await process.stdout.readline()
        if not line:
            raise RuntimeError(f"upstream {self.name} has ended")
        return json.loads(line)

    def stop(self) -> None:
        """Hold the process."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    async def kill(self) -> None:
        """Kill the process, and wait until it is gone."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            await self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
