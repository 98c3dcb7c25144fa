"""Who may ask and for how much, as it is kept: keys, whom they belong to, and budgets."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

#: A whole number that fits into a column: no sum of money or tokens is larger.
Count = Annotated[int, Meta(ge=1, le=2**53)]
Glob = Annotated[str, Meta(min_length=1, max_length=200)]
Tag = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:/=-]{1,64}$")]

HolderKind = Literal["team", "project", "user"]
Period = Literal["day", "week", "month", "total"]


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How much at once and in a time. Absent: without limit."""

    requests_per_minute: Count | None = None
    requests_per_day: Count | None = None
    input_tokens_per_minute: Count | None = None
    input_tokens_per_day: Count | None = None
    output_tokens_per_minute: Count | None = None
    output_tokens_per_day: Count | None = None
    concurrency: Count | None = None


class Grants(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a key, or all keys of a holder, may do. Absent: whatever those above them may.

    ``models``: globs on the model that a name means; ``endpoints``: globs on paths; ``networks``:
    where calls may come from, in CIDR notation; ``max_tokens``: the longest answer.
    """

    models: tuple[Glob, ...] | None = None
    endpoints: tuple[Glob, ...] | None = None
    networks: tuple[str, ...] | None = None
    max_tokens: Count | None = None
    limits: Limits = Limits()
    tags: tuple[Tag, ...] = ()


NOTHING_SPECIAL = Grants()


class Holder(Struct, frozen=True, kw_only=True):
    """A team, project or user. ``parent`` is the team it belongs to. Times are Unix ms."""

    id: str
    kind: HolderKind
    name: str
    parent: str | None
    grants: Grants
    created: int
    archived: int | None = None


class Key(Struct, frozen=True, kw_only=True):
    """A key of callers, without its secret. ``hint`` is how it ends. Times are Unix ms.

    After a rotation the secret before, of ``earlier_digest``, opens until ``earlier_until``.
    """

    id: str
    name: str
    holder: str | None
    digest: str
    hint: str
    earlier_digest: str | None
    earlier_until: int | None
    grants: Grants
    created: int
    expires: int | None = None
    revoked: int | None = None


class Budget(Struct, frozen=True, kw_only=True):
    """What a key or a holder may spend in a period, in nano-dollars, on models of a glob."""

    id: str
    subject: str
    model: str
    period: Period
    hard: bool
    amount: int
    archived: int | None = None


class Changes(Struct, frozen=True, kw_only=True):
    """What has changed up to the ``number`` of a change."""

    number: int
    holders: list[Holder]
    keys: list[Key]
    budgets: list[Budget]


class AdminKey(Struct, frozen=True, kw_only=True):
    """A key of operators. ``first``: the one that was made at the first start."""

    id: str
    name: str
    digest: str
    hint: str
    first: bool
    created: int
    revoked: int | None = None


class AuditLine(Struct, frozen=True, kw_only=True):
    """Who did what to whom. ``digest`` is over this line and the digest of the one before."""

    number: int
    at: int
    who: str
    action: str
    subject: str
    details: str
    digest: str
