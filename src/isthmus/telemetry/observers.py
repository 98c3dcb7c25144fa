"""Several observers as one."""

from __future__ import annotations

from isthmus.call import Incident, Observer, Outcome


class Observers:
    """Tells each of ``observers`` in turn."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def ended(self, outcome: Outcome) -> None:
        """Pass an outcome on."""
        for observer in self._observers:
            observer.ended(outcome)

    def noticed(self, incident: Incident) -> None:
        """Pass an incident on."""
        for observer in self._observers:
            observer.noticed(incident)
