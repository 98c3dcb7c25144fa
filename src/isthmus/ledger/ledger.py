"""Keeps the books: every attempt becomes a row, and no call ever waits for the database.

What is to be kept is appended to a spool file, before a call goes upstream and when it has ended; a
thread of its own carries it to the database, and again if that was away, slow or full.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from isthmus.call import Incident, Outcome
from isthmus.ledger.rows import intent_of, rows_of
from isthmus.storage import spool
from isthmus.storage.ledger_file import Batch, Intent, LedgerFile, Row, Unusable

log = logging.getLogger("isthmus")

FILE = "ledger.sqlite3"
_SPOOL = "spool"
#: How often what was written is carried to the database, in seconds.
_EVERY = 0.25
#: The longest pause while the database cannot be used, and how often that is said.
_LONGEST_PAUSE = 30.0
_SAID_EVERY = 60.0

_encoder = msgspec.json.Encoder()
_intents = msgspec.json.Decoder(Intent)
_rows = msgspec.json.Decoder(list[Row])


class Ledger:
    """An observer. ``folder`` holds the database and the spool; it is made.

    ``lost`` counts records that could not even be written to the spool.

    Raises:
        OSError: the folder cannot be made or written.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self.path = folder / FILE
        self.lost = 0
        self._spools = folder / _SPOOL
        self._now = now
        self._turn = threading.Lock()
        self._spool = spool.Spool(self._spools)
        self._stopped = threading.Event()
        self._file: LedgerFile | None = None
        self._said = 0.0
        self._thread = threading.Thread(target=self._carry, name="ledger", daemon=True)
        self._thread.start()

    # Observing ------------------------------------------------------------------------------

    def began(self, outcome: Outcome) -> None:
        """Note that a call is about to go upstream."""
        self._write(b"i", intent_of(outcome, self._now()))

    def ended(self, outcome: Outcome) -> None:
        """Note how a call has ended, if it went upstream at all."""
        if outcome.began:
            rows = rows_of(outcome, self._now())
            self._write(b"r", rows) if rows else self._write(b"e", outcome.request_id)

    def noticed(self, incident: Incident) -> None:
        """Take an incident, of which nothing is kept."""

    def _write(self, kind: bytes, document: object) -> None:
        record = kind + _encoder.encode(document)
        try:
            with self._turn:
                self._spool.append(record)
        except (OSError, spool.Full) as error:
            self.lost += 1
            self._complain("the ledger loses records: %s", error or "the spool is full")

    # Carrying -------------------------------------------------------------------------------

    def flush(self) -> None:
        """Carry all that was written to the database.

        Raises:
            sqlite3.Error, Unusable, OSError: it cannot be kept now; nothing is lost.
        """
        with self._turn:
            closed = self._spool.rotate()
        for segment in closed:
            self._keep(segment, self._spool.owner)
            with self._turn:
                self._spool.remove(segment)

    def close(self) -> None:
        """Carry what is left, and stop."""
        self._stopped.set()
        self._thread.join()
        try:
            self.flush()
        except (sqlite3.Error, Unusable, OSError) as error:
            log.warning("the ledger keeps its last records in %s for now: %s", self._spools, error)
        self._spool.close()
        if self._file is not None:
            self._file.close()

    def _carry(self) -> None:
        # At once, so that what is wrong with the database is said at the start.
        pause, recovered = 0.0, False
        while not self._stopped.wait(pause):
            try:
                if not recovered:
                    self._recover()
                    recovered = True
                self.flush()
                pause = _EVERY
            except (sqlite3.Error, Unusable, OSError) as error:
                self._complain("the ledger cannot be written, and waits: %s", error)
                pause = min(max(pause, _EVERY) * 2, _LONGEST_PAUSE)

    def _recover(self) -> None:
        """Keep what processes have left that are gone."""
        database = self._database
        for left in spool.abandoned(self._spools):
            try:
                for segment in left.segments():
                    self._keep(segment, left.owner)
                unknown = database.give_up(left.owner)
                left.remove()
            finally:
                left.close()
            if unknown:
                log.warning("%d calls were under way when their gateway ended", unknown)

    def _keep(self, segment: Path, owner: str) -> None:
        batch = Batch()
        for record in spool.records(segment):
            _read(record, batch)
        self._database.keep(batch, owner)

    @property
    def _database(self) -> LedgerFile:
        if self._file is None:
            self._file = LedgerFile(self.path)
        return self._file

    def _complain(self, message: str, why: object) -> None:
        now = time.monotonic()
        if not self._said or now - self._said > _SAID_EVERY:
            self._said = now
            log.error(message, why)


def _read(record: bytes, batch: Batch) -> None:
    kind, document = record[:1], record[1:]
    if kind == b"i":
        batch.intents.append(_intents.decode(document))
    elif kind == b"r":
        batch.rows += _rows.decode(document)
    else:
        ended: Any = msgspec.json.decode(document)
        batch.ended.append(ended)
