"""A metric, declared: its name, unit, codes and ranges.

Units are UCUM; LOINC and MDC codes and ranges are those of the FHIR R4 vital-signs profiles, the
HL7 Personal Health Device guide and the Bluetooth SIG (sources: docs/glossary.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Rollup(StrEnum):
    """How a day of readings becomes one figure."""

    MEDIAN = "median"
    SUM = "sum"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One thing that can be measured; `impossible` is refused outside, `plausible` only flagged."""

    name: str
    unit: str
    loinc: str | None
    mdc: int | None
    impossible: tuple[Decimal, Decimal]
    plausible: tuple[Decimal, Decimal]
    rollup: Rollup = Rollup.MEDIAN
    decimals: int = 0


def between(low: str, high: str) -> tuple[Decimal, Decimal]:
    """Return a range from its two ends, written as text so that they are exact."""
    return Decimal(low), Decimal(high)
