"""Home blood pressure by the ESH protocol: 7 days, the first dropped, at least 12 readings left.

Source: ESH position paper; J Clin Hypertens 2018;20:1116, table 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from balise.model import Quality
from care.metrics.figure import Figure, rounded
from care.readings import measured

DAYS = 7
ENOUGH = 12
NIGHT_ENDS = 4
SOURCE = "ESH home blood pressure protocol (ESH7)"
_METRICS = ("systolic_blood_pressure", "diastolic_blood_pressure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The protocol's exact means, and what they were made of."""

    systolic: Decimal
    diastolic: Decimal
    n: int
    evidence: tuple[str, ...]


def series(readings: pl.DataFrame, last: date) -> pl.DataFrame:
    """Return the pressures of the 7 days that end with `last`, without the first of them.

    Statistics and invalid frames are left out; flags such as movement keep their reading. An
    evening's session may end after midnight: until 04:00 it is of the day before.
    """
    first = last - timedelta(days=DAYS - 1)
    late = pl.col("hour") < NIGHT_ENDS
    of_session = readings.with_columns(
        day=pl.when(late).then(pl.col("day").dt.offset_by("-1d")).otherwise(pl.col("day"))
    )
    return of_session.filter(
        pl.col("metric").is_in(_METRICS)
        & pl.col("day").is_between(first, last)
        & measured(Quality.SUMMARY_STATISTIC)
    ).filter(pl.col("day") > pl.col("day").min())


def mean(readings: pl.DataFrame, last: date) -> Mean | None:
    """Return the protocol's means, or None where fewer than 12 readings are left."""
    kept = series(readings, last)
    systolic, diastolic = (kept.filter(pl.col("metric") == metric) for metric in _METRICS)
    if systolic.height < ENOUGH or diastolic.height < ENOUGH:
        return None
    return Mean(
        systolic=_exact_mean(systolic),
        diastolic=_exact_mean(diastolic),
        n=systolic.height,
        evidence=tuple(kept["key"]),
    )


def _exact_mean(readings: pl.DataFrame) -> Decimal:
    values: list[Decimal] = readings["value"].to_list()
    return sum(values, Decimal(0)) / len(values)


def figures(readings: pl.DataFrame, last: date) -> list[Figure]:
    """Return mean systolic and diastolic pressure, or what lacks for them."""
    found, kept = mean(readings, last), series(readings, last)
    n = kept.filter(pl.col("metric") == _METRICS[0]).height
    values = (found.systolic, found.diastolic) if found else (None, None)
    return [
        Figure(
            name=f"mean_{metric}",
            value=None if value is None else rounded(value, 0),
            unit="mm[Hg]",
            n=n,
            needed=ENOUGH,
            days=DAYS,
            days_with_data=kept["day"].n_unique(),
            start=last - timedelta(days=DAYS - 1),
            end=last,
            source=SOURCE,
            missing="" if found else "readings",
            evidence=found.evidence if found else (),
        )
        for metric, value in zip(_METRICS, values, strict=True)
    ]
