"""The books, keys and budgets of a gateway, where they can be kept."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from isthmus.cli import setting_up
from isthmus.cli.remembering import server_secrets
from isthmus.config import Config
from isthmus.storage.state import StateDirectory

if TYPE_CHECKING:
    from isthmus.access.budgets import Budgets
    from isthmus.access.keys import VirtualKeys
    from isthmus.ledger.ledger import Ledger

SPOOL = "spool"


@contextmanager
def accounting(config: Config, state: StateDirectory) -> Generator[Ledger | None]:
    """Keep the books while a gateway serves; None where that is switched off or cannot be."""
    if not config.ledger.enabled:
        yield None
        return
    # Imported here: it brings a database, which other commands have no use for.
    from isthmus.ledger.ledger import Ledger  # noqa: PLC0415

    try:
        state.make()
        ledger = Ledger(setting_up.database(config, state), state.path / SPOOL)
    except OSError as error:
        why = error.strerror or error
        setting_up.warn(f"no ledger can be kept in {state.path} ({why}); nothing is accounted for")
        yield None
        return
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def keeping_keys(config: Config, state: StateDirectory) -> Generator[VirtualKeys | None]:
    """Follow the virtual keys while a gateway serves; None where there can be none."""
    secrets = server_secrets(config, state)
    if secrets is None:
        yield None
        return
    from isthmus.access.keys import PURPOSE, VirtualKeys  # noqa: PLC0415
    from isthmus.access.registry import Follower  # noqa: PLC0415

    follower = Follower(setting_up.database(config, state))
    follower.start()
    try:
        yield VirtualKeys(follower, tuple(secrets.known(PURPOSE)))
    finally:
        follower.close()


@contextmanager
def budgeting(
    config: Config, state: StateDirectory, ledger: Ledger | None
) -> Generator[Budgets | None]:
    """Keep budgets while a gateway serves; None where no books are kept."""
    if ledger is None:
        yield None
        return
    from isthmus.access.budgets import Budgets  # noqa: PLC0415

    budgets = Budgets(setting_up.database(config, state), ledger.owner)
    try:
        yield budgets
    finally:
        budgets.close()
