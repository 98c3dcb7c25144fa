"""Who is calling, and what bounds them: their key, and all whom it belongs to."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct

from isthmus.access.limits import Bucket, Place
from isthmus.errors import AccessDenied
from isthmus.storage.access_records import Budget, Grants


class Bound(Struct, frozen=True):
    """What one of them may do, and what it may spend. ``subject`` is its id."""

    subject: str
    grants: Grants
    budgets: tuple[Budget, ...] = ()
    buckets: tuple[Bucket, ...] = ()


class Principal(Struct, frozen=True):
    """Who is calling: ``config:NAME`` for a key of the file, ``local`` for the generated one.

    Else the id of a virtual key. ``bounds`` are its own and those of all above it: each of them
    must allow what is asked.
    """

    id: str
    bounds: tuple[Bound, ...] = ()

    def check_way(self, path: str, client: str) -> None:
        """See whether it may call this path, from this address.

        Raises:
            AccessDenied: it may not (403).
        """
        for bound in self.bounds:
            endpoints, networks = bound.grants.endpoints, bound.grants.networks
            if endpoints is not None and not _matches(path, endpoints):
                raise AccessDenied(
                    f"This API key may not call {path}.", status=403, code="endpoint_not_allowed"
                )
            if networks is not None and not _is_within(client, networks):
                raise AccessDenied(
                    "This API key may not be used from this address.",
                    status=403,
                    code="address_not_allowed",
                )

    def check_model(self, model: str) -> None:
        """See whether it may ask a model, named as the gateway resolves it.

        Raises:
            AccessDenied: it may not (403).
        """
        if not self.may_ask(model):
            raise AccessDenied(
                f"This API key may not use the model '{model}'.",
                status=403,
                code="model_not_allowed",
                param="model",
            )

    def may_ask(self, model: str) -> bool:
        """Say whether it may ask a model."""
        return all(
            bound.grants.models is None or _matches(model, bound.grants.models)
            for bound in self.bounds
        )

    @property
    def places(self) -> list[Place]:
        """How many calls of it, and of those above it, may be under way at once."""
        return [
            Place(bound.subject, bound.grants.limits.concurrency)
            for bound in self.bounds
            if bound.grants.limits.concurrency is not None
        ]

    def budgets_for(self, model: str) -> list[Budget]:
        """Return the budgets that pay for a call to a model."""
        return [
            budget
            for bound in self.bounds
            for budget in bound.budgets
            if fnmatchcase(model, budget.model)
        ]

    @property
    def max_tokens(self) -> int | None:
        """The longest answer that it may have; None: any."""
        caps = [bound.grants.max_tokens for bound in self.bounds]
        return min((cap for cap in caps if cap is not None), default=None)


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _is_within(address: str, networks: Iterable[str]) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in ipaddress.ip_network(network) for network in networks)
