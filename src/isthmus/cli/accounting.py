"""The ledger of a gateway, where its state directory can hold one."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from isthmus.cli import setting_up
from isthmus.config import Config
from isthmus.storage.state import StateDirectory

if TYPE_CHECKING:
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
