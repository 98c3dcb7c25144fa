"""All virtual keys there are, in memory, as the database has them."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

from isthmus.access.limits import buckets_of
from isthmus.access.principal import Bound, Principal
from isthmus.storage.access_records import Budget, Changes, Holder, Key
from isthmus.storage.access_store import AccessStore
from isthmus.storage.database import Database, Lasting, Unavailable, Unusable
from isthmus.storage.schema import upgrade

log = logging.getLogger("isthmus")

#: How often changes are looked for, and how often at most for somebody who waits. Seconds.
_EVERY, _AT_MOST_EVERY = 0.5, 0.5
_LONGEST_PAUSE = 5.0


class Registry:
    """Keys, holders and budgets by their ids. Changed by one thread, read by any."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._holders: dict[str, Holder] = {}
        self._budgets: dict[str, Budget] = {}
        self._of_subject: dict[str, tuple[Budget, ...]] = {}
        self._principals: dict[str, Principal] = {}

    def apply(self, changes: Changes) -> None:
        """Take what has changed."""
        self._keys.update((key.id, key) for key in changes.keys)
        self._holders.update((holder.id, holder) for holder in changes.holders)
        self._budgets.update((budget.id, budget) for budget in changes.budgets)
        if changes.budgets:
            self._of_subject = _by_subject(self._budgets.values())
        # A new one, for others may be reading the old.
        self._principals = {}

    def key(self, name: str) -> Key | None:
        """Return a key by its id."""
        return self._keys.get(name)

    def all_keys(self) -> list[Key]:
        """Return all keys, those that are revoked as well."""
        return [*self._keys.values()]

    def holder(self, name: str) -> Holder | None:
        """Return a team, project or user by its id."""
        return self._holders.get(name)

    def holders(self) -> list[Holder]:
        """Return all of them."""
        return [*self._holders.values()]

    def budgets(self, subject: str | None = None) -> list[Budget]:
        """Return the budgets of a key or holder, or all; archived ones are none."""
        if subject is not None:
            return [*self._of_subject.get(subject, ())]
        return [budget for budgets in self._of_subject.values() for budget in budgets]

    def principal(self, key: Key) -> Principal | None:
        """Return who holds a key; None where somebody above it is there no more."""
        principals = self._principals
        found = principals.get(key.id)
        if found is None:
            above = self.above(key.holder)
            if above is None:
                return None
            bounds = [self._bound(key.id, key)]
            bounds += [self._bound(holder.id, holder) for holder in above]
            principals[key.id] = found = Principal(key.id, tuple(bounds))
        return found

    def above(self, holder: str | None) -> list[Holder] | None:
        """Return a holder and all that it belongs to; None where one of them is archived."""
        found: list[Holder] = []
        while holder is not None:
            one = self._holders.get(holder)
            if one is None or one.archived is not None or len(found) > len(self._holders):
                return None
            found.append(one)
            holder = one.parent
        return found

    def _bound(self, subject: str, record: Key | Holder) -> Bound:
        budgets = self._of_subject.get(subject, ())
        return Bound(subject, record.grants, budgets, buckets_of(subject, record.grants.limits))


def _by_subject(budgets: Iterable[Budget]) -> dict[str, tuple[Budget, ...]]:
    found: defaultdict[str, list[Budget]] = defaultdict(list)
    for budget in budgets:
        if budget.archived is None:
            found[budget.subject].append(budget)
    return {subject: tuple(ones) for subject, ones in found.items()}


class Follower:
    """Keeps a registry as the database has it, by a thread of its own.

    What cannot be read now stays as it was: known keys work on while the database is away.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self.registry = Registry()
        self._clock = clock
        self._number: int = -1
        self._lasting = Lasting(database, upgrade)
        self._turn = threading.Lock()
        self._looked = 0.0
        self._failing = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="keys", daemon=True)

    def start(self) -> None:
        """Read all there is, if that can be, and follow it from now on."""
        self._look()
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._lasting.close()

    def catch_up(self) -> None:
        """Look for changes now, unless somebody just has."""
        if time.monotonic() - self._looked >= _AT_MOST_EVERY:
            self._look()

    def _follow(self) -> None:
        pause = _EVERY
        while not self._stopped.wait(pause):
            pause = _EVERY if self._look() else min(pause * 2, _LONGEST_PAUSE)

    def _look(self) -> bool:
        try:
            with self._turn, self._lasting.connected() as connection:
                store = AccessStore(connection, lambda: int(self._clock() * 1000))
                if store.change != self._number:
                    changes = store.since(self._number)
                    self.registry.apply(changes)
                    self._number = changes.number
                self._looked = time.monotonic()
        except (Unavailable, Unusable) as error:
            if not self._failing:
                log.error("keys cannot be read, and stay as they are known: %s", error)  # noqa: TRY400
            self._failing = True
            return False
        self._failing = False
        return True
