"""What is measured in this process, round after round: parts, whole calls, and features."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from msgspec import Struct

from clocked import AT_ONCE, Part, cost_us, difference_us, once_us, settle_memory
from parts import Ground, after_asking, before_asking, transport
from switches import Calls, Variants, calls

#: In a round: calls; how often each part is done once between them; comparisons of each feature.
_CALLS, _SAMPLES, _PAIRS = 20 * AT_ONCE, 20, 3


class Cost(Struct, frozen=True):
    """One line of the tables: microseconds per request.

    ``alone`` is what it costs where nothing else is done, where that could be measured too.
    """

    name: str
    says: str
    us: float
    alone: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """What the line says."""
        alone = "" if self.alone is None else f"{self.alone:.1f}"
        return self.name, self.says, f"{self.us:.1f}", alone


class Found(Struct, frozen=True):
    """What was measured in this process. ``call``: all of one but the server."""

    parts: list[Cost]
    call: float
    features: list[Cost]


class Rounds:
    """What has been measured so far, by name."""

    def __init__(self, parts: list[Part], called: Calls) -> None:
        self._parts = parts
        self._called = called
        self._alone: dict[str, list[float]] = defaultdict(list)
        self._amid: dict[str, list[float]] = defaultdict(list)
        self._call: list[float] = []
        self._more: dict[str, list[float]] = defaultdict(list)

    async def warm_up(self) -> None:
        """Open connections, fill caches."""
        batches = [part.batch for part in self._parts]
        for batch in (*batches, *(one.having for one in self._called.switches)):
            await batch(AT_ONCE)

    async def round(self) -> None:
        """Measure everything, one after the other."""
        for part in self._parts:
            self._alone[part.name].append(await cost_us(part.batch, part.times))
        for _ in range(_SAMPLES):
            await self._called.usual(AT_ONCE)
            for part in self._parts:
                if not part.waits:
                    self._amid[part.name].append(await once_us(part.batch))
        self._call.append(await cost_us(self._called.usual, _CALLS))
        for _ in range(_PAIRS):
            for switch in self._called.switches:
                self._more[switch.name].append(await difference_us(switch))

    def found(self) -> Found:
        """Return the medians."""
        return Found(
            [self._cost(part) for part in self._parts],
            median(self._call),
            [
                Cost(one.name, one.says, median(self._more[one.name]))
                for one in self._called.switches
            ],
        )

    def _cost(self, part: Part) -> Cost:
        alone = median(self._alone[part.name])
        amid = alone if part.waits else median(self._amid[part.name])
        return Cost(part.name, part.says, amid, alone)


async def in_process(made: Variants, nowhere: int, count: int) -> Found:
    """Measure parts, whole calls, and calls with a feature and without, in so many rounds."""
    ground = Ground(config=made.usual, nowhere=nowhere)
    async with transport(ground) as client, calls(made, nowhere) as called:
        rounds = Rounds([*before_asking(ground), client, *after_asking(ground)], called)
        await rounds.warm_up()
        settle_memory()
        for _ in range(count):
            await rounds.round()
        return rounds.found()
