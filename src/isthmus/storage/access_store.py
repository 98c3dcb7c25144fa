"""The tables of keys, their holders, budgets, admin keys, and of who changed them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from isthmus.storage.access_records import (
    AdminKey,
    AuditLine,
    Budget,
    Changes,
    Holder,
    Key,
)
from isthmus.storage.database import Connection, Value

_ADVANCE = "UPDATE facts SET value = value + 1 WHERE name = 'change' RETURNING value"
_CHANGE = "SELECT value FROM facts WHERE name = 'change'"
_HOLDER = "id, kind, name, parent, grants, created, archived"
_KEY = (
    "id, name, holder, digest, hint, earlier_digest, earlier_until, grants, created, expires, "
    "revoked"
)
_BUDGET = "id, subject, model, period, hard, amount, archived"
_ADMIN_KEY = "id, name, digest, hint, first, created, revoked"
_AUDIT = "number, at, who, action, subject, details, digest"

# What is put together here are the names of our own columns.
_HOLDERS_SINCE = f"SELECT {_HOLDER} FROM holders WHERE change > ?"  # noqa: S608
_KEYS_SINCE = f"SELECT {_KEY} FROM keys WHERE change > ?"  # noqa: S608
_BUDGETS_SINCE = f"SELECT {_BUDGET} FROM budgets WHERE change > ?"  # noqa: S608
_ADMIN_KEYS = f"SELECT {_ADMIN_KEY} FROM admin_keys ORDER BY created, id"  # noqa: S608
_ADMIN_KEY_BY_ID = f"SELECT {_ADMIN_KEY} FROM admin_keys WHERE id = ?"  # noqa: S608
_LINES = f"SELECT {_AUDIT} FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?"  # noqa: S608
_PUT_HOLDER = (
    "INSERT INTO holders VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "name = excluded.name, grants = excluded.grants, archived = excluded.archived, "
    "change = excluded.change"
)
_PUT_KEY = (
    "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "name = excluded.name, digest = excluded.digest, hint = excluded.hint, "
    "earlier_digest = excluded.earlier_digest, earlier_until = excluded.earlier_until, "
    "grants = excluded.grants, expires = excluded.expires, revoked = excluded.revoked, "
    "change = excluded.change"
)
_PUT_BUDGET = (
    "INSERT INTO budgets VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "hard = excluded.hard, amount = excluded.amount, archived = excluded.archived, "
    "change = excluded.change"
)
_PUT_ADMIN_KEY = (
    "INSERT INTO admin_keys VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "revoked = excluded.revoked"
)
_LAST_LINE = "SELECT number, digest FROM audit ORDER BY number DESC LIMIT 1"
_PUT_LINE = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)"

_KEY_NAMED = "SELECT 1 FROM keys WHERE name = ? AND id <> ? AND revoked IS NULL"
_HOLDER_NAMED = "SELECT 1 FROM holders WHERE kind = ? AND name = ? AND id <> ? AND archived IS NULL"

_ALL = 2**62

R = TypeVar("R", bound=Struct)


class NameTaken(Exception):
    """Another has that name."""


class Deed(Struct, frozen=True, kw_only=True):
    """What somebody does, for the audit log. ``details`` is JSON without secrets."""

    who: str
    action: str
    subject: str
    details: dict[str, Any] = {}


class AccessStore:
    """On one connection, for one thread at a time. ``now`` returns Unix milliseconds."""

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now

    # Reading --------------------------------------------------------------------------------

    @property
    def change(self) -> int:
        """The number of the last change."""
        return int(self._connection.run(_CHANGE)[0][0])

    def since(self, change: int) -> Changes:
        """Return what has changed since the change of that number; -1: all there is."""
        number = self.change  # first: what comes meanwhile is read again
        return Changes(
            number=number,
            holders=[_record(one, Holder, 4) for one in self._run(_HOLDERS_SINCE, change)],
            keys=[_record(one, Key, 7) for one in self._run(_KEYS_SINCE, change)],
            budgets=[_record(one, Budget) for one in self._run(_BUDGETS_SINCE, change)],
        )

    def admin_keys(self) -> list[AdminKey]:
        """Return the keys of operators, revoked ones as well."""
        return [_record(one, AdminKey) for one in self._connection.run(_ADMIN_KEYS)]

    def admin_key(self, name: str) -> AdminKey | None:
        """Return one of them by its id."""
        found = self._connection.run(_ADMIN_KEY_BY_ID, (name,))
        return _record(found[0], AdminKey) if found else None

    def audit(self, limit: int, before: int = _ALL) -> list[AuditLine]:
        """Return the newest lines of the audit log, or those before a number."""
        return [_record(one, AuditLine) for one in self._connection.run(_LINES, (before, limit))]

    def broken_line(self) -> int | None:
        """Return the number of the first line of the audit log that was tampered with."""
        digest, expected = "", 1
        for record in self._connection.run(f"SELECT {_AUDIT} FROM audit ORDER BY number"):  # noqa: S608
            line = _record(record, AuditLine)
            digest = _digest(digest, line)
            if line.digest != digest or line.number != expected:
                return expected
            expected += 1
        return None

    # Writing --------------------------------------------------------------------------------

    def put(self, *records: Holder | Key | Budget | AdminKey, deed: Deed) -> None:
        """Keep new or changed records, and who did it, in one step.

        Raises:
            NameTaken: another key, or holder of the same kind, has that name.
            Unavailable: that cannot be now.
        """
        with self._changing(deed) as change:
            for record in records:
                self._put(record, change)

    def put_first(self, key: AdminKey, deed: Deed) -> bool:
        """Keep a key of operators, unless there has ever been one; say whether it was kept."""
        with self._connection.transaction():
            self._connection.run(_ADVANCE)
            if self._connection.run("SELECT 1 FROM admin_keys LIMIT 1"):
                return False
            self._put(key, 0)
            self._note(deed)
        return True

    def _put(self, record: Holder | Key | Budget | AdminKey, change: int) -> None:
        values = [_plain(value) for value in msgspec.structs.astuple(record)]
        match record:
            case Holder():
                named = (record.kind, record.name, record.id)
                if record.archived is None and self._connection.run(_HOLDER_NAMED, named):
                    raise NameTaken(record.name)
                self._connection.change(_PUT_HOLDER, [*values, change])
            case Key():
                named = (record.name, record.id)
                if record.revoked is None and self._connection.run(_KEY_NAMED, named):
                    raise NameTaken(record.name)
                self._connection.change(_PUT_KEY, [*values, change])
            case Budget():
                self._connection.change(_PUT_BUDGET, [*values, change])
            case AdminKey():
                self._connection.change(_PUT_ADMIN_KEY, values)

    @contextmanager
    def _changing(self, deed: Deed) -> Generator[int]:
        """Change something, as the only one; return the number of the change."""
        with self._connection.transaction():
            (number,) = self._connection.run(_ADVANCE)[0]
            yield int(number)
            self._note(deed)

    def _note(self, deed: Deed) -> None:
        found = self._connection.run(_LAST_LINE)
        number, digest = found[0] if found else (0, "")
        line = AuditLine(
            number=number + 1,
            at=self._now(),
            who=deed.who,
            action=deed.action,
            subject=deed.subject,
            details=msgspec.json.encode(deed.details).decode(),
            digest="",
        )
        values = msgspec.structs.astuple(line)[:-1]
        self._connection.change(_PUT_LINE, [*values, _digest(digest, line)])

    def _run(self, statement: str, change: int) -> Sequence[Sequence[Any]]:
        return self._connection.run(statement, (change,))


def _digest(before: str, line: AuditLine) -> str:
    told = msgspec.json.encode([before, *msgspec.structs.astuple(line)[:-1]])
    return hashlib.sha256(told).hexdigest()


def _plain(value: Any) -> Value:
    if isinstance(value, bool):
        return int(value)
    return msgspec.json.encode(value).decode() if isinstance(value, Struct) else value


def _record(values: Sequence[Any], kind: type[R], document: int | None = None) -> R:
    """Return a row as a record; ``document``: the place of what is JSON."""
    told = list(values)
    if document is not None:
        told[document] = msgspec.json.decode(told[document])
    return msgspec.convert(dict(zip(kind.__struct_fields__, told, strict=True)), kind, strict=False)
