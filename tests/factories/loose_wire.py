"""A connection's other side as an object: what it was told to do, and nothing on a network."""

from __future__ import annotations

import asyncio

from isthmus.upstreams.http.connection import Connection


class LooseWire(asyncio.Transport):
    """Keeps what is written, and whether reading is paused or the end was ordered."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.written = b""
        self.reading = True
        self.aborted = False
        connection.connection_made(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.aborted

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def abort(self) -> None:
        self.aborted = True
