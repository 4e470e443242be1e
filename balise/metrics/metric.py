"""A metric, declared: its name, unit, codes and ranges.

Units are UCUM; LOINC and MDC codes and ranges are those of the FHIR R4 vital-signs profiles, the
HL7 Personal Health Device guide and the Bluetooth SIG (sources: docs/glossary.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

SPOT = timedelta(minutes=1)
"""How far apart two devices may tell one measurement: an application writes whole minutes."""


class Rollup(StrEnum):
    """How a day of readings becomes one figure."""

    MEDIAN = "median"
    SUM = "sum"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The most that a metric changes by itself: `most` in `per`, and as much in any shorter time.

    A faster change is flagged, never refused: it may be a misreading, another person, or an event.
    """

    most: Decimal
    per: timedelta
    source: str

    @property
    def reach(self) -> timedelta:
        """How far apart two readings may be to be compared: one day's weighing may be missed."""
        return 2 * self.per


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One thing that can be measured; `impossible` is refused outside, `plausible` only flagged.

    `change` is the fastest it changes by itself, None where it may do so at once. `same_event` is
    set for what is measured now and then: an equal value of another device, no further apart than
    that, is the same measurement told twice. Streams agree by chance, and have none.
    """

    name: str
    unit: str
    loinc: str | None
    mdc: int | None
    impossible: tuple[Decimal, Decimal]
    plausible: tuple[Decimal, Decimal]
    rollup: Rollup = Rollup.MEDIAN
    decimals: int = 0
    change: Change | None = None
    same_event: timedelta | None = None


def between(low: str, high: str) -> tuple[Decimal, Decimal]:
    """Return a range from its two ends, written as text so that they are exact."""
    return Decimal(low), Decimal(high)
