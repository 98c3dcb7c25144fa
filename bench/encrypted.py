"""An upstream that is reached by TLS, beside the same one reached without."""

from __future__ import annotations

from statistics import median

from budget import Row, ratio
from stage import Stage


class Encrypted:
    """Two gateways before the two ports of one nginx, which stands before the mock."""

    _CONNECTIONS, _SECONDS = 32, 2.0

    def __init__(self, stage: Stage) -> None:
        front = stage.nginx(measured=False)
        self._gateways = {
            "plain": stage.gateway(f"http://127.0.0.1:{front.port}"),
            "tls": stage.gateway(f"https://127.0.0.1:{front.tls_port}"),
        }
        self._cost: dict[str, list[float]] = {name: [] for name in self._gateways}
        for gateway in self._gateways.values():
            gateway.warm_up()

    def round(self, scale: float) -> None:
        """Measure both, one after the other."""
        for name, gateway in self._gateways.items():
            spent, counted = gateway.spent("whole", self._CONNECTIONS, self._SECONDS * scale)
            self._cost[name].append(spent / counted["answers"])

    def rows(self) -> list[Row]:
        """Return the medians."""
        tls, plain = self._cost["tls"], self._cost["plain"]
        return [
            Row(
                what="TLS upstream",
                key="tls_ratio",
                figure=ratio(tls, plain),
                ours=f"{median(tls):.2f} us/request",
                others=f"plain {median(plain):.2f} us/request",
            )
        ]
