"""Does the radio still hear? If nothing is heard for long, what is tried, in which order.

A home may be truly silent, so each rung is tried once an episode, an episode is followed by a rest
that doubles, and silence alone is no alarm: only where neighbours were heard for an hour on end, or
where the adapter did not obey, is it said to be hung.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class RadioState(StrEnum):
    """How the radio is."""

    DOWN = "down"
    """It does not open."""
    HEARING = "hearing"
    TRYING = "trying"
    """Nothing was heard for a while: the ladder is being climbed."""
    QUIET = "quiet"
    """Nothing is heard, and nothing says that there is anything to hear."""
    HUNG = "hung"
    """Nothing is heard although there should be: only a person can help."""
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> RadioState:  # noqa: ARG003 - Enum's signature
        """Read a word of a newer box."""
        return cls.UNKNOWN


class Rung(StrEnum):
    """What is tried."""

    RESTART_SCAN = "restart_scan"
    POWER_CYCLE = "power_cycle"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """The ladder, and seconds: of silence before each rung, of rest before it is climbed again."""

    ladder: tuple[Rung, ...] = (Rung.RESTART_SCAN, Rung.POWER_CYCLE, Rung.REPORT)
    silence: float = 90.0
    rest: float = 900.0
    longest_rest: float = 6 * 3600.0
    lively: float = 3600.0
    """How long neighbours must have been heard on end for their silence to be a fault."""


class Watch:
    """Climbs the ladder of one radio; `heard` resets it."""

    def __init__(
        self, recovery: Recovery | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.recovery = recovery or Recovery()
        self.state = RadioState.HEARING
        self._now = now
        self._neighbours_since = self._neighbour_at = now() - self.recovery.silence
        self._begin()

    def _begin(self) -> None:
        self._climbed = 0
        self._disobeyed = False
        self._rest = self.recovery.rest
        self._due = self._now() + self.recovery.silence

    def heard(self, *, stranger: bool) -> None:
        """Note that something was heard: an advertisement, or a frame of a device of ours."""
        self.state = RadioState.HEARING
        self._begin()
        if stranger:
            now = self._now()
            if now - self._neighbour_at >= self.recovery.silence:
                self._neighbours_since = now
            self._neighbour_at = now

    def due(self) -> Rung | None:
        """Return what is to be tried now, None where nothing is; each is returned once."""
        if self._now() < self._due:
            return None
        if self._climbed == len(self.recovery.ladder):
            self._climbed = 0
            self._rest = min(2 * self._rest, self.recovery.longest_rest)
        rung = self.recovery.ladder[self._climbed]
        self._climbed += 1
        rests = self._climbed == len(self.recovery.ladder)
        self._due = self._now() + (self._rest if rests else self.recovery.silence)
        self._judge(rung)
        return rung

    def disobeyed(self) -> None:
        """Note that the adapter did not do what a rung asked of it."""
        self._disobeyed = True

    def _judge(self, rung: Rung) -> None:
        lively = self._neighbour_at - self._neighbours_since >= self.recovery.lively
        if rung is Rung.REPORT:
            hung = self._disobeyed or lively
            self.state = RadioState.HUNG if hung else RadioState.QUIET
        elif self.state is RadioState.HEARING:
            self.state = RadioState.TRYING
