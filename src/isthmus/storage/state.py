"""The state directory: what one gateway on one machine keeps between starts.

It belongs to the one running server that holds its lock; other commands may read beside it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from isthmus.storage.file_lock import Held, locked

_KEY = "client-key"
_SECRET = "server-secret"  # noqa: S105
_LOCK = "lock"


class StateInUse(Exception):
    """Another server holds the directory."""


class StateDirectory:
    """The directory at ``path``; made when something is first kept there."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the directory for one server.

        Raises:
            StateInUse: another server does.
            OSError: it cannot be made or written.
        """
        self.make()
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path / _LOCK))
            except Held:
                raise StateInUse(f"another gateway is using {self.path}") from None
            yield

    def client_key(self, mint: Callable[[], str]) -> str:
        """Return the key that is kept here; the first time, make it by ``mint``.

        Raises:
            OSError: the directory cannot be read or written.
        """
        return self._made_once(_KEY, mint)

    def server_secret(self) -> bytes:
        """Return the secret that is kept here; the first time, make it of 32 random bytes.

        It is text, so that its file can be named in the configuration of other machines.

        Raises:
            OSError: the directory cannot be read or written.
        """
        return self._made_once(_SECRET, lambda: secrets.token_hex(32)).encode()

    def make(self) -> None:
        """Make the directory if it is not there.

        Raises:
            OSError: it cannot be made.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _made_once(self, name: str, mint: Callable[[], str]) -> str:
        file = self.path / name
        try:
            return _line(file)
        except FileNotFoundError:
            self.make()
        value = mint()
        # Named by chance: threads and processes in containers of their own share process ids.
        fresh = self.path / f"{name}.{secrets.token_hex(8)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as output:
                output.write(f"{value}\n")
                output.flush()
                os.fsync(descriptor)
            os.link(fresh, file)  # unlike a rename, never replaces what somebody else just made
        except FileExistsError:
            return _line(file)
        finally:
            fresh.unlink()
        return value


def _line(file: Path) -> str:
    return file.read_text("ascii", errors="replace").strip()
