"""Makes and changes keys, teams, projects, users, budgets and admin keys, and keeps who did so."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, structs

from isthmus.access.keys import RANDOM_BYTES, digest_of, id_of, mint
from isthmus.access.orders import (
    AdminKeyOrder,
    BudgetOrder,
    GrantsOrder,
    HolderChange,
    HolderOrder,
    KeyChange,
    KeyOrder,
)
from isthmus.access.registry import Registry
from isthmus.errors import InvalidRequest
from isthmus.storage.access_records import (
    NOTHING_SPECIAL,
    AdminKey,
    Budget,
    Holder,
    HolderKind,
    Key,
)
from isthmus.storage.access_store import AccessStore, Deed, NameTaken

_HINT = 4


class Registrar:
    """Works on ``store`` for ``who``; ``registry`` is what is there. ``now``: Unix milliseconds.

    Of ``pepper`` digests are made. ``reserved`` are names of keys that the configuration has.
    """

    def __init__(
        self,
        store: AccessStore,
        registry: Registry,
        *,
        who: str,
        pepper: bytes,
        now: Callable[[], int],
        reserved: Sequence[str] = (),
    ) -> None:
        self._store = store
        self._registry = registry
        self._who = who
        self._pepper = pepper
        self._now = now
        self._reserved = reserved

    # Keys -----------------------------------------------------------------------------------

    def create_key(self, order: KeyOrder) -> tuple[Key, str]:
        """Make a key; return it and the key itself, which nobody can tell again.

        Raises:
            InvalidRequest: what was asked for cannot be.
        """
        self._check_name(order.name)
        secret = mint(os.urandom(RANDOM_BYTES))
        key = Key(
            id=id_of(secret),
            name=order.name,
            holder=self._holder_of(order),
            digest=digest_of(secret, self._pepper),
            hint=secret[-_HINT:],
            earlier_digest=None,
            earlier_until=None,
            grants=order.granted(NOTHING_SPECIAL),
            created=self._now(),
            expires=_moment(order.expires_at),
        )
        self._put("key.created", key, *self._budgets(key.id, order), details=_told(order))
        return key, secret

    def change_key(self, name: str, order: KeyChange) -> Key:
        """Change a key.

        Raises:
            InvalidRequest: there is none, or it cannot be so.
        """
        key = self.key(name)
        changed = structs.replace(key, grants=order.granted(key.grants))
        if order.name is not UNSET:
            self._check_name(order.name)
            changed = structs.replace(changed, name=order.name)
        if order.expires_at is not UNSET:
            changed = structs.replace(changed, expires=_moment(order.expires_at))
        self._put("key.changed", changed, *self._budgets(key.id, order), details=_told(order))
        return changed

    def rotate_key(self, name: str, grace: int) -> tuple[Key, str]:
        """Give a key another secret; the one before opens for ``grace`` seconds more.

        Raises:
            InvalidRequest: there is no such key, or it is revoked.
        """
        key = self.key(name)
        if key.revoked is not None:
            raise InvalidRequest("The key is revoked.", status=409, code="conflict")
        # The id stays: it is what everything else names the key by.
        secret = mint(os.urandom(RANDOM_BYTES), name=key.id)
        changed = structs.replace(
            key,
            digest=digest_of(secret, self._pepper),
            hint=secret[-_HINT:],
            earlier_digest=key.digest if grace else None,
            earlier_until=self._now() + grace * 1000 if grace else None,
        )
        self._put("key.rotated", changed, details={"grace": grace})
        return changed, secret

    def revoke_key(self, name: str) -> Key:
        """Revoke a key, for good.

        Raises:
            InvalidRequest: there is none.
        """
        key = self.key(name)
        if key.revoked is not None:
            return key
        changed = structs.replace(key, revoked=self._now())
        self._put("key.revoked", changed)
        return changed

    def key(self, name: str) -> Key:
        """Find a key by its id or its name; a name means the one that is not revoked.

        Raises:
            InvalidRequest: there is none.
        """
        known = self._registry.key(name)
        if known is not None:
            return known
        named = [key for key in self._registry.all_keys() if key.name == name]
        named.sort(key=lambda key: (key.revoked is None, key.created))
        if not named:
            raise InvalidRequest(f"There is no key '{name[:64]}'.", status=404, code="not_found")
        return named[-1]

    # Teams, projects, users -----------------------------------------------------------------

    def create_holder(self, kind: HolderKind, order: HolderOrder) -> Holder:
        """Make a team, project or user.

        Raises:
            InvalidRequest: what was asked for cannot be.
        """
        if kind == "team" and order.team is not None:
            raise InvalidRequest("A team belongs to no other.", param="team")
        holder = Holder(
            id=f"{kind}_{os.urandom(6).hex()}",
            kind=kind,
            name=order.name,
            parent=None if order.team is None else self.holder("team", order.team).id,
            grants=order.granted(NOTHING_SPECIAL),
            created=self._now(),
        )
        budgets = self._budgets(holder.id, order)
        self._put(f"{kind}.created", holder, *budgets, details=_told(order))
        return holder

    def change_holder(self, kind: HolderKind, name: str, order: HolderChange) -> Holder:
        """Change one.

        Raises:
            InvalidRequest: there is none, or it cannot be so.
        """
        holder = self.holder(kind, name)
        changed = structs.replace(holder, grants=order.granted(holder.grants))
        if order.name is not UNSET:
            changed = structs.replace(changed, name=order.name)
        budgets = self._budgets(holder.id, order)
        self._put(f"{kind}.changed", changed, *budgets, details=_told(order))
        return changed

    def archive_holder(self, kind: HolderKind, name: str) -> Holder:
        """Put one away: its keys open nothing any more.

        Raises:
            InvalidRequest: there is none.
        """
        changed = structs.replace(self.holder(kind, name), archived=self._now())
        self._put(f"{kind}.archived", changed)
        return changed

    def holder(self, kind: HolderKind, name: str) -> Holder:
        """Find one by its id or its name.

        Raises:
            InvalidRequest: there is none.
        """
        for holder in self._registry.holders():
            named = name in (holder.id, holder.name)
            if named and holder.kind == kind and holder.archived is None:
                return holder
        raise InvalidRequest(f"There is no {kind} '{name[:64]}'.", status=404, code="not_found")

    # Admin keys -----------------------------------------------------------------------------

    def create_admin_key(self, order: AdminKeyOrder) -> tuple[AdminKey, str]:
        """Make a key for an operator. The one of the first start is revoked: it has served."""
        key, secret = new_admin_key(order.name, self._pepper, self._now())
        first = [
            structs.replace(one, revoked=self._now())
            for one in self._store.admin_keys()
            if one.first and one.revoked is None
        ]
        self._put("admin_key.created", key, *first, details={"name": order.name})
        return key, secret

    def revoke_admin_key(self, name: str) -> AdminKey:
        """Revoke the key of an operator.

        Raises:
            InvalidRequest: there is none, or it is the last.
        """
        live = [key for key in self._store.admin_keys() if key.revoked is None]
        found = [key for key in live if name in (key.id, key.name)]
        if not found:
            raise InvalidRequest(
                f"There is no admin key '{name[:64]}'.", status=404, code="not_found"
            )
        if len(live) == 1:
            raise InvalidRequest("It is the last admin key.", status=409, code="conflict")
        changed = structs.replace(found[0], revoked=self._now())
        self._put("admin_key.revoked", changed)
        return changed

    # Together -------------------------------------------------------------------------------

    def _put(
        self,
        action: str,
        first: Holder | Key | AdminKey,
        *more: Budget | AdminKey,
        details: dict[str, Any] | None = None,
    ) -> None:
        deed = Deed(who=self._who, action=action, subject=first.id, details=details or {})
        try:
            self._store.put(first, *more, deed=deed)
        except NameTaken as error:
            raise _taken(str(error)) from None

    def _check_name(self, name: str) -> None:
        if name in self._reserved:
            raise _taken(name)

    def _holder_of(self, order: KeyOrder) -> str | None:
        asked: list[tuple[HolderKind, str | None]] = [
            ("team", order.team),
            ("project", order.project),
            ("user", order.user),
        ]
        named = [self.holder(kind, name) for kind, name in asked if name is not None]
        if len(named) > 1:
            raise InvalidRequest(
                "A key belongs to a team, a project or a user: to one of them.", param=named[1].kind
            )
        return named[0].id if named else None

    def _budgets(self, subject: str, order: GrantsOrder) -> list[Budget]:
        """Return what becomes of the budgets of a subject."""
        if order.budgets is UNSET:
            return []
        before = {_what(one): one for one in self._registry.budgets(subject)}
        after: dict[tuple[str, str], Budget] = {}
        for one in order.budgets or ():
            if (one.model, one.period) in after:
                raise InvalidRequest(
                    "Two budgets are for the same models and period.", param="budgets"
                )
            known = before.get((one.model, one.period))
            after[one.model, one.period] = _budget(subject, one, known)
        gone = [one for what, one in before.items() if what not in after]
        return [*after.values(), *(structs.replace(one, archived=self._now()) for one in gone)]


def new_admin_key(
    name: str, pepper: bytes, now: int, *, first: bool = False
) -> tuple[AdminKey, str]:
    """Make a key for an operator; return it and the key itself."""
    secret = mint(os.urandom(RANDOM_BYTES), "isa")
    key = AdminKey(
        id=id_of(secret),
        name=name,
        digest=digest_of(secret, pepper),
        hint=secret[-_HINT:],
        first=first,
        created=now,
    )
    return key, secret


def _budget(subject: str, order: BudgetOrder, known: Budget | None) -> Budget:
    """Return a budget as ordered. One that was there stays the same, with what was spent of it."""
    return Budget(
        id=known.id if known is not None else f"budget_{os.urandom(6).hex()}",
        subject=subject,
        model=order.model,
        period=order.period,
        hard=order.hard,
        amount=order.nano,
    )


def _what(budget: Budget) -> tuple[str, str]:
    return budget.model, budget.period


def _moment(at: dt.datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)


def _told(order: GrantsOrder) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(order))


def _taken(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"The name '{name[:64]}' is taken.", status=409, code="conflict", param="name"
    )
