"""Keeps the books: every attempt becomes a row, and no call ever waits for the database.

What is to be kept is appended to a spool file, before a call goes upstream and when it has ended; a
thread of its own carries it to the database, and again if that was away, slow or full.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from isthmus.call import Incident, Outcome
from isthmus.ledger.rows import intent_of, rows_of, version
from isthmus.storage import spool
from isthmus.storage.database import Database, Lasting, Unavailable, Unusable
from isthmus.storage.ledger_store import Batch, Intent, LedgerStore, Row, Settled
from isthmus.storage.schema import upgrade

log = logging.getLogger("isthmus")

#: How often what was written is carried to the database, in seconds.
_EVERY = 0.25
#: The longest pause while the database cannot be used, and how often that is said.
_LONGEST_PAUSE = 30.0
_SAID_EVERY = 60.0

_encoder = msgspec.json.Encoder()
_intents = msgspec.json.Decoder(Intent)
_rows = msgspec.json.Decoder(list[Row])
_settled = msgspec.json.Decoder(Settled)
_ended = msgspec.json.Decoder(str)
_prices = msgspec.json.Decoder(dict[str, str])


class Ledger:
    """An observer. ``spools`` is the folder for what is on its way to the database; it is made.

    ``owner`` is what this process is called in the database; ``lost`` counts records that could not
    even be written to the spool.

    Raises:
        OSError: the folder cannot be made or written.
    """

    def __init__(
        self, database: Database, spools: Path, now: Callable[[], float] = time.time
    ) -> None:
        self.lost = 0
        self._spools = spools
        self._now = now
        self._turn = threading.Lock()
        self._spool = spool.Spool(self._spools)
        self.owner = self._spool.owner
        self._is_kept = True
        self._priced: set[str] = set()
        self._stopped = threading.Event()
        self._lasting = Lasting(database, upgrade)
        self._said = 0.0
        self._thread = threading.Thread(target=self._carry, name="ledger", daemon=True)
        self._thread.start()

    @property
    def is_kept(self) -> bool:
        """Whether the last record could be written."""
        return self._is_kept

    # Observing ------------------------------------------------------------------------------

    def began(self, outcome: Outcome) -> None:
        """Note that a call is about to go upstream."""
        self._write(b"i", intent_of(outcome, self._now()))

    def ended(self, outcome: Outcome) -> None:
        """Note how a call has ended, if it went upstream at all."""
        if not outcome.began:
            return
        rows = rows_of(outcome, self._now())
        self._note_prices(outcome, rows)
        if not rows:
            self._write(b"e", outcome.request_id)
        elif outcome.charges:
            charges, reserved = outcome.charges, outcome.reserved
            self._write(b"s", Settled(rows=rows, charges=charges, reserved=reserved))
        else:
            self._write(b"r", rows)

    def noticed(self, incident: Incident) -> None:
        """Take an incident, of which nothing is kept."""

    def _note_prices(self, outcome: Outcome, rows: list[Row]) -> None:
        """Keep lists of prices that rows name, each once."""
        for attempt, row in zip(outcome.attempts, rows, strict=True):
            if row.prices and row.prices not in self._priced:
                self._priced.add(version(attempt.prices))
                told = _encoder.encode(attempt.prices).decode()
                self._write(b"p", {row.prices: told})

    def _write(self, kind: bytes, document: object) -> None:
        record = kind + _encoder.encode(document)
        try:
            with self._turn:
                self._spool.append(record)
            self._is_kept = True
        except (OSError, spool.Full) as error:
            self.lost += 1
            self._is_kept = False
            self._complain("the ledger loses records: %s", error or "the spool is full")

    # Carrying -------------------------------------------------------------------------------

    def flush(self) -> None:
        """Carry all that was written to the database.

        Raises:
            Unavailable, Unusable, OSError: it cannot be kept now; nothing is lost.
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
            with self._lasting.connected() as connection:
                LedgerStore(connection).give_up(self.owner)
        except (Unavailable, Unusable, OSError) as error:
            log.warning("the ledger keeps its last records in %s for now: %s", self._spools, error)
        self._spool.close()
        self._lasting.close()

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
            except (Unavailable, Unusable, OSError) as error:
                self._complain("the ledger cannot be written, and waits: %s", error)
                pause = min(max(pause, _EVERY) * 2, _LONGEST_PAUSE)

    def _recover(self) -> None:
        """Keep what processes have left that are gone."""
        with self._lasting.connected() as connection:
            ledger = LedgerStore(connection)
            for left in spool.abandoned(self._spools):
                try:
                    for segment in left.segments():
                        ledger.keep(_batch(segment), left.owner)
                    unknown = ledger.give_up(left.owner)
                    left.remove()
                finally:
                    left.close()
                if unknown:
                    log.warning("%d calls were under way when their gateway ended", unknown)

    def _keep(self, segment: Path, owner: str) -> None:
        with self._lasting.connected() as connection:
            LedgerStore(connection).keep(_batch(segment), owner)

    def _complain(self, message: str, why: object) -> None:
        now = time.monotonic()
        if not self._said or now - self._said > _SAID_EVERY:
            self._said = now
            log.error(message, why)


def _batch(segment: Path) -> Batch:
    batch = Batch()
    for record in spool.records(segment):
        _read(record, batch)
    return batch


def _read(record: bytes, batch: Batch) -> None:
    kind, document = record[:1], record[1:]
    if kind == b"i":
        batch.intents.append(_intents.decode(document))
    elif kind == b"r":
        batch.rows += _rows.decode(document)
    elif kind == b"s":
        batch.settled.append(_settled.decode(document))
    elif kind == b"p":
        batch.prices.update(_prices.decode(document))
    else:
        batch.ended.append(_ended.decode(document))
