"""What operators ask for: keys, teams, projects, users and budgets, as they write them."""

from __future__ import annotations

import datetime as dt
import ipaddress
from decimal import Decimal
from typing import Annotated, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

from isthmus.call import DOLLAR
from isthmus.errors import InvalidRequest
from isthmus.storage.access_records import Count, Glob, Grants, Limits, Period, Tag

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9@._-]{1,64}$")]
Dollars = Annotated[
    Decimal, Meta(description="US dollars, at most nine places after the point; best as text.")
]
#: More than this is a mistake, in dollars.
_MOST = 1_000_000_000

T = TypeVar("T")


class BudgetOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A budget. A hard one refuses what it cannot pay; a soft one only tells."""

    amount: Dollars
    period: Period = "month"
    model: Annotated[Glob, Meta(description="The models it pays for, as a glob.")] = "*"
    hard: bool = True

    @property
    def nano(self) -> int:
        """The amount in nano-dollars.

        Raises:
            InvalidRequest: it is no sum of money.
        """
        if not self.amount.is_finite() or not 0 <= self.amount <= _MOST:
            raise InvalidRequest(f"'amount' must be from 0 to {_MOST} dollars.", param="budgets")
        nano = self.amount * DOLLAR
        if nano != int(nano):
            raise InvalidRequest("'amount' has more than nine places.", param="budgets")
        return int(nano)


class GrantsOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a key, or all keys of a holder, may do. Absent or null: whatever those above it may."""

    models: Annotated[
        tuple[Glob, ...] | UnsetType | None,
        Meta(description="Globs on the model that a name means; an empty list: none."),
    ] = UNSET
    endpoints: Annotated[
        tuple[Glob, ...] | UnsetType | None, Meta(description="Globs on paths.")
    ] = UNSET
    networks: Annotated[
        tuple[str, ...] | UnsetType | None,
        Meta(description="Where calls may come from, such as `10.0.0.0/8`."),
    ] = UNSET
    max_tokens: Annotated[
        Count | UnsetType | None, Meta(description="The longest answer, in tokens.")
    ] = UNSET
    limits: Annotated[Limits | UnsetType | None, Meta(description="How much at a time.")] = UNSET
    tags: Annotated[tuple[Tag, ...] | UnsetType | None, Meta(description="For reports.")] = UNSET
    budgets: Annotated[
        tuple[BudgetOrder, ...] | UnsetType | None,
        Meta(description="All budgets it has; those before are replaced."),
    ] = UNSET

    def granted(self, before: Grants) -> Grants:
        """Return what is granted from now on.

        Raises:
            InvalidRequest: a network is none.
        """
        networks = _networks(_chosen(self.networks, before.networks, None))
        return Grants(
            models=_chosen(self.models, before.models, None),
            endpoints=_chosen(self.endpoints, before.endpoints, None),
            networks=networks,
            max_tokens=_chosen(self.max_tokens, before.max_tokens, None),
            limits=_chosen(self.limits, before.limits, Limits()),
            tags=_chosen(self.tags, before.tags, ()),
        )


class KeyOrder(GrantsOrder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new key. It belongs to a team, a project or a user, by id or name, or to nobody."""

    name: Name
    team: str | None = None
    project: str | None = None
    user: str | None = None
    expires_at: Annotated[dt.datetime | None, Meta(tz=True, description="Absent: never.")] = None


class KeyChange(GrantsOrder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another way of a key; absent: as it is. Null takes a restriction away."""

    name: Name | UnsetType = UNSET
    expires_at: Annotated[dt.datetime, Meta(tz=True)] | UnsetType | None = UNSET


class HolderOrder(GrantsOrder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new team, project or user. Projects and users may belong to a team, by id or name."""

    name: Name
    team: str | None = None


class HolderChange(GrantsOrder, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another way of a team, project or user; absent: as it is."""

    name: Name | UnsetType = UNSET


class Rotation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long the secret before still opens, in seconds."""

    grace: Annotated[int, Meta(ge=0, le=30 * 86_400)] = 86_400


class AdminKeyOrder(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new key for an operator."""

    name: Name


def _chosen(asked: T | UnsetType | None, before: T, absent: T) -> T:
    if isinstance(asked, UnsetType):
        return before
    return absent if asked is None else asked


def _networks(networks: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if networks is None:
        return None
    try:
        return tuple(str(ipaddress.ip_network(one)) for one in networks)
    except ValueError as error:
        raise InvalidRequest(f"'networks': {error}.", param="networks") from None
