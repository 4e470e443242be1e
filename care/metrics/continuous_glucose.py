"""Continuous glucose over 14 days: time in ranges, mean, GMI and variability.

Source: international consensus on time in range (Battelino 2019, Danne 2017); ADA Standards of
Care, table 6.2. GMI: Bergenstal 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

import polars as pl

from care.metrics.figure import Basis, Figure, of_period
from care.metrics.glucose_sensor import USUAL, covered, standing
from care.readings import measured

DAYS = 14
_ENOUGH = timedelta(days=DAYS) * 70 / 100
"""70 % of 14 days; below it neither ranges nor GMI are told."""
SOURCE = "international consensus on time in range, 14 days"


class Band(StrEnum):
    """Ranges of glucose; their names are those of the consensus."""

    VERY_LOW = "very_low"
    LOW = "low"
    IN_RANGE = "in_range"
    HIGH = "high"
    VERY_HIGH = "very_high"


# mg/dL. Sensors tell whole mg/dL or tenths of mmol/L: 10.0 and 13.9 mmol/L, which are 180.2 and
# 250.5 mg/dL here, are still in the lower range.
_BELOW = {Band.VERY_LOW: Decimal(54), Band.LOW: Decimal(70)}
_UP_TO = {Band.IN_RANGE: Decimal("180.2"), Band.HIGH: Decimal("250.5")}


def band(glucose: pl.Expr) -> pl.Expr:
    """Return which range values in mg/dL are in."""
    chosen = pl.lit(Band.VERY_HIGH.value)
    for name, limit in reversed(_UP_TO.items()):
        chosen = pl.when(glucose <= limit).then(pl.lit(name.value)).otherwise(chosen)
    for name, limit in reversed(_BELOW.items()):
        chosen = pl.when(glucose < limit).then(pl.lit(name.value)).otherwise(chosen)
    return chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Exact figures of a period; glucose in mg/dL, shares and GMI in percent."""

    mean: float
    deviation: float
    shares: dict[Band, float]

    @property
    def variation(self) -> float:
        """The coefficient of variation; up to 36 % glucose is called stable."""
        return 100 * self.deviation / self.mean

    @property
    def management_indicator(self) -> float:
        """What HbA1c such a mean goes with (GMI)."""
        return management_indicator(self.mean)


def management_indicator(mean: float) -> float:
    """Return the GMI in percent of a mean in mg/dL."""
    return 3.31 + 0.02392 * mean


def management_indicator_mmol(mean: float) -> float:
    """Return the GMI in mmol/mol of a mean in mmol/L."""
    return 12.71 + 4.70587 * mean


def summary(values: pl.Series) -> Summary:
    """Return the figures of at least two values in mg/dL."""
    counted = pl.DataFrame({"value": values}).group_by(band(pl.col("value")).alias("band")).len()
    counts = dict(counted.iter_rows())
    glucose = values.cast(pl.Float64)
    return Summary(
        mean=float(glucose.to_numpy().mean()),
        deviation=float(glucose.to_numpy().std(ddof=1)),
        shares={one: 100 * counts.get(one.value, 0) / len(values) for one in Band},
    )


def two_weeks(readings: pl.DataFrame, last: date) -> pl.DataFrame:
    """Return the sensor's readings of the 14 days that end with `last`.

    One of each moment: a phone and a reader tell the same ones.
    """
    kept = readings.filter(of_period("interstitial_glucose", last, DAYS) & measured())
    return kept.unique("taken_at", keep="first", maintain_order=True)


def enough(kept: pl.DataFrame) -> int:
    """Return how many of such readings make up 70 % of 14 days: 2,823 of one every 5 minutes."""
    return _enough(covered(standing(kept)), kept.height)


def _enough(worn: timedelta, count: int) -> int:
    each = worn / count if count else USUAL
    return -(-_ENOUGH // each)


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return how long the sensor measured, mean, GMI, variation and time in each range."""
    kept = two_weeks(readings, last)
    basis = Basis.of(kept, last=last, days=DAYS, source=SOURCE)
    worn = covered(standing(kept))
    needed = _enough(worn, kept.height)
    found = summary(kept["value"]) if kept.height >= needed else None
    active = 100 * worn / timedelta(days=DAYS) if kept.height else None
    return [
        basis.figure("glucose_sensor_active", active, "%", 0, needed=1),
        *(basis.figure(*one, needed=needed) for one in _values(found)),
    ]


def _values(found: Summary | None) -> list[tuple[str, float | None, str, int]]:
    """Return the figures with their names, units and decimals."""
    return [
        ("glucose_mean", found.mean if found else None, "mg/dL", 0),
        ("glucose_management_indicator", found.management_indicator if found else None, "%", 1),
        ("glucose_variation", found.variation if found else None, "%", 1),
        *((f"glucose_{one}", found.shares[one] if found else None, "%", 1) for one in Band),
    ]
