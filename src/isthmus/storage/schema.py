"""The tables, and how a database comes to have them: step by step, only forwards.

A step adds and never takes away, so that a program that is one step behind still works beside one
that has made it. Where a step breaks that, ``needs`` in the table ``facts`` says from which form on
a program may use the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from isthmus.storage.database import Connection, Unavailable, Unusable

#: Each step is a list of statements, the same on SQLite and on PostgreSQL.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        # Every attempt of every call. Times: Unix milliseconds; cost: nano-dollars.
        """CREATE TABLE attempts (
            request_id TEXT NOT NULL, attempt BIGINT NOT NULL, at BIGINT NOT NULL,
            principal TEXT NOT NULL, endpoint TEXT NOT NULL, asked TEXT NOT NULL,
            model TEXT NOT NULL, upstream TEXT NOT NULL, upstream_model TEXT NOT NULL,
            credential BIGINT NOT NULL, last BIGINT NOT NULL, ending TEXT NOT NULL,
            status BIGINT NOT NULL, error TEXT NOT NULL, input BIGINT NOT NULL,
            cache_read BIGINT NOT NULL, cache_write_5m BIGINT NOT NULL,
            cache_write_1h BIGINT NOT NULL, output BIGINT NOT NULL, thinking BIGINT NOT NULL,
            web_searches BIGINT NOT NULL, used BIGINT NOT NULL, cost BIGINT,
            prices TEXT NOT NULL, estimated BIGINT NOT NULL, first_ms BIGINT,
            total_ms BIGINT NOT NULL, queue_ms BIGINT NOT NULL,
            PRIMARY KEY (request_id, attempt)
        ) WITHOUT ROWID""",
        "CREATE INDEX attempts_at ON attempts (at)",
        # Calls that are under way; ``reserved`` is what their prompt will cost at least.
        """CREATE TABLE intents (
            request_id TEXT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, principal TEXT NOT NULL,
            endpoint TEXT NOT NULL, model TEXT NOT NULL, reserved BIGINT NOT NULL,
            charges TEXT NOT NULL, owner TEXT NOT NULL
        ) WITHOUT ROWID""",
        """CREATE TABLE hours (
            hour BIGINT NOT NULL, principal TEXT NOT NULL, model TEXT NOT NULL,
            upstream TEXT NOT NULL, calls BIGINT NOT NULL, attempts BIGINT NOT NULL,
            input BIGINT NOT NULL, cache_read BIGINT NOT NULL, cache_write_5m BIGINT NOT NULL,
            cache_write_1h BIGINT NOT NULL, output BIGINT NOT NULL, thinking BIGINT NOT NULL,
            web_searches BIGINT NOT NULL, cost BIGINT NOT NULL, unpriced BIGINT NOT NULL,
            PRIMARY KEY (hour, principal, model, upstream)
        ) WITHOUT ROWID""",
        # What the prices were, by the version that rows name.
        """CREATE TABLE prices (
            version TEXT NOT NULL PRIMARY KEY, document TEXT NOT NULL, at BIGINT NOT NULL
        ) WITHOUT ROWID""",
        # Teams, projects and users; ``grants`` is what they may do, as JSON.
        """CREATE TABLE holders (
            id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, parent TEXT,
            grants TEXT NOT NULL, created BIGINT NOT NULL, archived BIGINT, change BIGINT NOT NULL
        )""",
        "CREATE INDEX holders_change ON holders (change)",
        # Keys. Of a secret only a digest is here, and its last characters for people.
        """CREATE TABLE keys (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, holder TEXT,
            digest TEXT NOT NULL, hint TEXT NOT NULL, earlier_digest TEXT, earlier_until BIGINT,
            grants TEXT NOT NULL, created BIGINT NOT NULL, expires BIGINT, revoked BIGINT,
            change BIGINT NOT NULL
        )""",
        "CREATE INDEX keys_change ON keys (change)",
        # ``subject``: the key or holder it bounds; ``model``: a glob; ``amount``: nano-dollars.
        """CREATE TABLE budgets (
            id TEXT NOT NULL PRIMARY KEY, subject TEXT NOT NULL, model TEXT NOT NULL,
            period TEXT NOT NULL, hard BIGINT NOT NULL, amount BIGINT NOT NULL CHECK (amount >= 0),
            archived BIGINT, change BIGINT NOT NULL
        )""",
        "CREATE INDEX budgets_change ON budgets (change)",
        # What was spent of a budget in one of its periods, and what is leased to processes.
        """CREATE TABLE spending (
            budget TEXT NOT NULL, period TEXT NOT NULL,
            spent BIGINT NOT NULL CHECK (spent >= 0), leased BIGINT NOT NULL CHECK (leased >= 0),
            PRIMARY KEY (budget, period)
        ) WITHOUT ROWID""",
        # ``lost``: its process is long gone; the amount is counted as spent until the books come.
        """CREATE TABLE leases (
            owner TEXT NOT NULL, budget TEXT NOT NULL, period TEXT NOT NULL,
            amount BIGINT NOT NULL CHECK (amount >= 0), renewed BIGINT NOT NULL,
            lost BIGINT NOT NULL, PRIMARY KEY (owner, budget, period)
        ) WITHOUT ROWID""",
        """CREATE TABLE admin_keys (
            id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL,
            hint TEXT NOT NULL, first BIGINT NOT NULL, created BIGINT NOT NULL, revoked BIGINT
        )""",
        # Who did what, each line with a digest of it and of all before it.
        """CREATE TABLE audit (
            number BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, who TEXT NOT NULL,
            action TEXT NOT NULL, subject TEXT NOT NULL, details TEXT NOT NULL,
            digest TEXT NOT NULL
        )""",
        "INSERT INTO facts VALUES ('change', 0)",
    ),
)

_FACTS = "CREATE TABLE IF NOT EXISTS facts (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)"
_READ = "SELECT name, value FROM facts WHERE name IN ('form', 'needs')"
_FORM = (
    "INSERT INTO facts VALUES ('form', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
_STEP = (
    "INSERT INTO steps VALUES (?, ?)",
    "CREATE TABLE IF NOT EXISTS steps (number BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL)",
)


def form_of(connection: Connection) -> int:
    """Return how many steps a database has made; 0: it is none of ours yet.

    Raises:
        Unusable: a newer program has made it what this one cannot use.
        Unavailable: it cannot be read.
    """
    try:
        facts = dict(connection.run(_READ))
    except Unavailable:
        if _is_empty(connection):
            return 0
        raise
    needs = int(facts.get("needs", 0))
    if needs > len(STEPS):
        raise Unusable(f"the database needs form {needs}, this program knows {len(STEPS)}")
    return int(facts.get("form", 0))


def upgrade(
    connection: Connection,
    steps: Sequence[Sequence[str]] = STEPS,
    clock: Callable[[], float] = time.time,
) -> int:
    """Make the steps that a database has not made; return how many those were.

    Safe where several processes do so at once: one makes them, the others wait.

    Raises:
        Unusable: the database belongs to something else, or to a newer program.
        Unavailable: it cannot be changed.
    """
    if form_of(connection) >= len(steps):
        return 0
    with connection.transaction():
        connection.create([_FACTS, _STEP[1]], 1)
        made = form_of(connection)
        for number, statements in enumerate(steps[made:], made + 1):
            connection.create(statements, number)
            connection.change(_STEP[0], (number, int(clock() * 1000)))
        connection.change(_FORM, (max(made, len(steps)),))
    return max(len(steps) - made, 0)


def _is_empty(connection: Connection) -> bool:
    """Say whether there are no tables at all, which is how a new database begins."""
    if connection.locking:
        found = connection.run(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
        )
    else:
        found = connection.run("SELECT count(*) FROM sqlite_master")
    if found[0][0]:
        raise Unusable("the database is none of Isthmus: it has other tables")
    return True
