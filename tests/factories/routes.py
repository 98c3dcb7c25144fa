"""Routes to nowhere, a clock that stands still, and an observer that keeps what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from isthmus.call import Attempt, Incident, Outcome
from isthmus.errors import UpstreamError, UpstreamRefused, UpstreamUnavailable
from isthmus.routing.catalog import Catalog
from isthmus.routing.plan import Credential, Route
from isthmus.routing.verdict import Verdict, verdict

CAPABILITIES = Catalog.load().newest.capabilities


def credential(
    number: int = 1,
    *,
    upstream: str = "main",
    secret: str | None = None,
    account: str | None = None,
) -> Credential:
    secret = secret or f"{upstream}-secret-{number}"
    return Credential(upstream, number, secret, account or f"{upstream}/{number}")


def route(
    number: int = 1,
    *,
    url: str = "https://a",
    model: str = "claude-opus-5",
    upstream: str = "main",
    secret: str | None = None,
    account: str | None = None,
) -> Route:
    return Route(
        upstream=upstream,
        model=model,
        base_url=url,
        credential=credential(number, upstream=upstream, secret=secret, account=account),
        capabilities=CAPABILITIES,
    )


@dataclass
class Clock:
    """Monotonic seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Recorder:
    """An observer."""

    incidents: list[Incident] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def ended(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def noticed(self, incident: Incident) -> None:
        self.incidents.append(incident)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What happened, and why."""
        return [(incident.kind, incident.reason) for incident in self.incidents]


def refusal(
    status: int,
    kind: str = "api_error",
    message: str = "No.",
    *,
    pause: float | None = None,
    should_retry: bool | None = None,
) -> UpstreamRefused:
    return UpstreamRefused(
        message,
        upstream_status=status,
        upstream_type=kind,
        pause=pause,
        should_retry=should_retry,
    )


def unreachable() -> UpstreamError:
    return UpstreamUnavailable("The upstream could not be reached.")


def judged(error: UpstreamError, sent: str = "all") -> Verdict:
    """Return the verdict on a failure after so much of the request had been sent."""
    attempt = Attempt(upstream="main", model="m", base_url="https://a", sent=sent)
    return verdict(error, attempt)
