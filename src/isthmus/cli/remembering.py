"""Where a gateway remembers thinking: in its memory, or where its other processes look as well."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from isthmus.cli import setting_up
from isthmus.config import Config
from isthmus.storage.secrets import Secrets
from isthmus.storage.stash import MemoryStash, Stash
from isthmus.storage.state import StateDirectory


@contextmanager
def remembering(config: Config, state: StateDirectory, *, shared: bool) -> Generator[Stash]:
    """Open the stash; one in memory where nothing can be kept in the state directory.

    Exits 2 if the secret that is kept there is damaged.
    """
    if not shared:
        yield MemoryStash(time.monotonic)
        return
    # Imported here: it brings a database and a cipher, which one process has no use for.
    from isthmus.storage.entry_file import Unusable  # noqa: PLC0415
    from isthmus.storage.shared_stash import SharedStash  # noqa: PLC0415

    try:
        state.make()
        stash = SharedStash(state.path, _known(config, state), time.time)
    except (OSError, Unusable) as error:
        why = error.strerror if isinstance(error, OSError) else error
        setting_up.warn(
            f"thinking cannot be kept in {state.path} ({why}); this process remembers its own only"
        )
        yield MemoryStash(time.monotonic)
        return
    try:
        yield stash
    finally:
        stash.close()


def server_secrets(config: Config, state: StateDirectory) -> Secrets | None:
    """Return the secrets of the configuration, else the one that is kept in the state directory.

    None where nothing can be kept there. Exits 2 if what is kept there is damaged.
    """
    try:
        if not config.server.secrets:
            state.make()
        return _known(config, state)
    except OSError:
        return None


def _known(config: Config, state: StateDirectory) -> Secrets:
    if config.server.secrets:
        return Secrets([secret.reveal().encode() for secret in config.server.secrets])
    try:
        return Secrets([state.server_secret()])
    except ValueError:
        setting_up.fail(
            f"the server-secret in {state.path} is damaged; remove the file to get a new one"
        )
