"""A new configuration without a restart: on SIGHUP, and when a file that it is made of changes.

A configuration is read, checked and built as a whole before anything of it counts; one that cannot
be used changes nothing, and is reported.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from isthmus.call import Incident, Observer
from isthmus.serving.service import Service

log = logging.getLogger("isthmus")

#: Files are looked at so often. Looking works on every file system, and when a link is put in the
#: place of another, as Kubernetes does. Seconds.
_INTERVAL = 2.0


class CannotReload(Exception):
    """The configuration cannot be used; the message says where and why."""


class Reloading:
    """Watches for reasons to build anew.

    ``build`` reads everything and returns a service; it runs in a thread. ``files`` says which
    files the configuration is made of.
    """

    def __init__(
        self,
        build: Callable[[], Service],
        files: Callable[[], Iterable[Path]],
        observer: Observer,
    ) -> None:
        self._build = build
        self._files = files
        self._observer = observer
        self._asked = asyncio.Event()
        #: As the files were when what is served now was built of them.
        self._seen = self._look()

    def ask(self) -> None:
        """Build anew soon, whether a file has changed or not."""
        self._asked.set()

    async def watch(self, install: Callable[[Service], None]) -> None:
        """Hand every new service to ``install``. Runs until it is cancelled."""
        while True:
            try:
                async with asyncio.timeout(_INTERVAL):
                    await self._asked.wait()
            except TimeoutError:
                seen = await asyncio.to_thread(self._look)
                if seen == self._seen:
                    continue
            self._asked.clear()
            await self._reload(install)

    async def _reload(self, install: Callable[[Service], None]) -> None:
        before = await asyncio.to_thread(self._look)
        try:
            service = await asyncio.to_thread(self._build)
        except CannotReload as error:
            log.error(  # noqa: TRY400 - the place is in the file, not in the code
                "the configuration stays as it was: %s", error
            )
            self._observer.noticed(Incident(kind="reload_failed", reason="configuration"))
            self._seen = before
            return
        install(service)
        # Whatever has changed since it was read is not in it.
        self._seen = before
        log.warning("the configuration was read anew")
        self._observer.noticed(Incident(kind="reload"))

    def _look(self) -> Sequence[object]:
        """Return something that differs when a file does."""
        return [(str(path), _digest(path)) for path in self._files()]


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None
