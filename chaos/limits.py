"""How many connections one machine can hold, and how large a crowd that allows."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

#: Files the clients need beside the crowd's connections, and ports that others need. Half of the
#: gateway's files are for clients.
_OTHER_FILES, _OTHER_PORTS = 500, 2_000
_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


class Sizes(NamedTuple):
    """How much is put on the gateway. ``why``: what made it smaller than asked for, if anything."""

    idle: int
    loris: int
    streams: int
    why: str


def sizes(scale: float, files: int) -> Sizes:
    """Scale what is asked for, and once more by what the machine allows.

    ``files`` is how many files each process may have open.
    """
    idle, loris, streams = (max(1, round(n * scale)) for n in (10_000, 1_000, 1_000))
    why: list[str] = []
    room = files // 2 - _OTHER_FILES
    if idle + loris > room:
        why.append(f"{files} files may be open, half of them for clients")
    ports = _ports() - _OTHER_PORTS
    if idle + loris > ports:
        why.append(f"there are ports for {ports} connections")
    share = min(1.0, room / (idle + loris), ports / (idle + loris))
    return Sizes(
        max(1, int(idle * share)), max(1, int(loris * share)), min(streams, room), ", ".join(why)
    )


def _ports() -> int:
    try:
        low, high = map(int, _PORTS.read_text().split())
    except OSError:  # not this system's way to say it
        return 16_000
    return high - low
