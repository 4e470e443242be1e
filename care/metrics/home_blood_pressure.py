"""Home blood pressure by a protocol: which readings of which days count, and how many are enough.

The same week is elevated by one protocol and not by another: the plan names it, the figure says it.
Sources: ESH position paper 2021 and J Clin Hypertens 2018;20:1116, table 3 (ESH7, categories);
Comité français de lutte contre l'HTA, "règle des 3" (FR3); JABFM, table 1 (TRIPLET5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from statistics import stdev

import polars as pl

from balise.model import Quality
from care.metrics.figure import Basis, Figure, first_of, rounded
from care.readings import day_until, measured

NIGHT_ENDS, NOON = 4, 12
SYSTOLIC, DIASTOLIC = "systolic_blood_pressure", "diastolic_blood_pressure"
HIGH = {SYSTOLIC: Decimal(135), DIASTOLIC: Decimal(85)}
NORMAL = {SYSTOLIC: Decimal(130), DIASTOLIC: Decimal(80)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """`dropped_days` are the first that have readings; `enough` is what must be left."""

    code: str
    days: int
    enough: int
    source: str
    dropped_days: int = 0
    drops_first_of_session: bool = False


ESH7 = Protocol(
    code="ESH7",
    days=7,
    enough=12,
    dropped_days=1,
    source="ESH home blood pressure protocol (ESH7)",
)
FR3 = Protocol(code="FR3", days=3, enough=12, source="French rule of 3 (FR3)")
TRIPLET5 = Protocol(
    code="TRIPLET5",
    days=7,
    enough=12,
    dropped_days=2,
    drops_first_of_session=True,
    source="triplets of at least 5 days, 2 days and each first left out (TRIPLET5)",
)
PROTOCOLS = {one.code: one for one in (ESH7, FR3, TRIPLET5)}


class Category(StrEnum):
    """What a home mean is called."""

    NORMAL = "normal"
    BORDERLINE = "borderline"
    ELEVATED = "elevated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The protocol's exact means, and what they were made of."""

    systolic: Decimal
    diastolic: Decimal
    n: int
    evidence: tuple[str, ...]

    @property
    def category(self) -> Category:
        """What the means are called, rounded as they are shown."""
        return category(rounded(self.systolic, 0), rounded(self.diastolic, 0))


def category(systolic: Decimal, diastolic: Decimal) -> Category:
    """Return what two means in mm[Hg] are called: either makes it elevated, both normal."""
    if systolic >= HIGH[SYSTOLIC] or diastolic >= HIGH[DIASTOLIC]:
        return Category.ELEVATED
    normal = systolic < NORMAL[SYSTOLIC] and diastolic < NORMAL[DIASTOLIC]
    return Category.NORMAL if normal else Category.BORDERLINE


def series(readings: pl.DataFrame, last: date, protocol: Protocol = ESH7) -> pl.DataFrame:
    """Return the pressures that the protocol counts in the days that end with `last`.

    Statistics, invalid frames and a systolic that is not above its diastolic are left out; flags
    such as movement keep their reading. An evening's session may end after midnight: until 04:00
    it is of the day before.
    """
    *_, (_, kept) = _sifted(readings, last, protocol)
    return kept


def left_out(readings: pl.DataFrame, last: date, protocol: Protocol = ESH7) -> dict[str, int]:
    """Return how many measurements of the days that end with `last` don't count, by the reason."""
    counts = [
        (reason, some.filter(pl.col("metric") == SYSTOLIC).height)
        for reason, some in _sifted(readings, last, protocol)
    ]
    fewer = {reason: before - now for (_, before), (reason, now) in pairwise(counts)}
    return {reason: count for reason, count in fewer.items() if count}


def _sifted(
    readings: pl.DataFrame, last: date, protocol: Protocol
) -> list[tuple[str, pl.DataFrame]]:
    """Return the period's pressures, and what each reason to leave some out leaves of them."""
    every = by_session(readings).filter(
        pl.col("metric").is_in((SYSTOLIC, DIASTOLIC)),
        pl.col("day").is_between(first_of(last, protocol.days), last),
    )
    good = every.filter(measured(Quality.SUMMARY_STATISTIC))
    upright = good.filter(_upright()).with_columns(
        place=pl.int_range(pl.len()).over("metric", "day", "morning")
    )
    later = upright.filter(pl.col("day").rank("dense") > protocol.dropped_days)
    kept = later.filter(pl.col("place") > 0) if protocol.drops_first_of_session else later
    return [
        ("", every),
        ("no_measurement", good),
        ("not_upright", upright),
        ("first_days", later),
        ("first_of_session", kept.drop("place")),
    ]


def by_session(readings: pl.DataFrame) -> pl.DataFrame:
    """Return readings with the day and the half of the day whose session they are of."""
    return readings.with_columns(
        day=day_until(NIGHT_ENDS),
        morning=pl.col("hour").is_between(NIGHT_ENDS, NOON - 1),
    )


def _upright() -> pl.Expr:
    """Keep measurements whose systolic is above their diastolic, and those that lack one."""
    systolic, diastolic = (
        pl.col("value").filter(pl.col("metric") == one).max().over("taken_at")
        for one in (SYSTOLIC, DIASTOLIC)
    )
    return (systolic > diastolic).fill_null(value=True)


def mean(readings: pl.DataFrame, last: date, protocol: Protocol = ESH7) -> Mean | None:
    """Return the protocol's means, or None where too few readings are left."""
    return _mean(series(readings, last, protocol), protocol)


def _mean(kept: pl.DataFrame, protocol: Protocol) -> Mean | None:
    systolic, diastolic = (kept.filter(pl.col("metric") == one) for one in (SYSTOLIC, DIASTOLIC))
    if min(systolic.height, diastolic.height) < protocol.enough:
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


def figures(readings: pl.DataFrame, last: date, protocol: Protocol = ESH7) -> list[Figure]:
    """Return mean systolic and diastolic pressure and how they scatter, or what lacks for them."""
    kept = series(readings, last, protocol)
    found = _mean(kept, protocol)
    basis = Basis.of(
        kept,
        last=last,
        days=protocol.days,
        source=protocol.source,
        n=kept.filter(pl.col("metric") == SYSTOLIC).height,
    )
    basis = replace(
        basis,
        evidence=found.evidence if found else (),
        left_out=left_out(readings, last, protocol),
    )
    values = _values(found, kept) if found else (None,) * len(_FIGURES)
    return [
        basis.figure(name, value, unit, 0, needed=protocol.enough)
        for (name, unit), value in zip(_FIGURES.items(), values, strict=True)
    ]


_FIGURES = {
    f"mean_{SYSTOLIC}": "mm[Hg]",
    f"mean_{DIASTOLIC}": "mm[Hg]",
    f"deviation_{SYSTOLIC}": "mm[Hg]",
    "morning_minus_evening": "mm[Hg]",
    "share_elevated_blood_pressure": "%",
}


def _values(found: Mean, kept: pl.DataFrame) -> tuple[Decimal | float | None, ...]:
    return (
        found.systolic,
        found.diastolic,
        _deviation(kept),
        _morning_minus_evening(kept),
        _share_elevated(kept),
    )


def _deviation(kept: pl.DataFrame) -> float:
    values: list[float] = (
        kept.filter(pl.col("metric") == SYSTOLIC)["value"].cast(pl.Float64).to_list()
    )
    return stdev(values)


def _morning_minus_evening(kept: pl.DataFrame) -> Decimal | None:
    """Return how much higher the mornings' systolic mean is; None where one of them lacks."""
    systolic = kept.filter(pl.col("metric") == SYSTOLIC)
    parts = [systolic.filter(pl.col("morning") == part) for part in (True, False)]
    if any(part.is_empty() for part in parts):
        return None
    morning, evening = map(_exact_mean, parts)
    return morning - evening


def _share_elevated(kept: pl.DataFrame) -> Decimal:
    """Return the share of measurements of which either pressure is elevated, in percent."""
    high = pl.any_horizontal(
        (pl.col("metric") == metric) & (pl.col("value") >= limit) for metric, limit in HIGH.items()
    )
    measurements = kept.group_by("taken_at").agg(high.any().alias("high"))
    return Decimal(100 * measurements["high"].sum()) / measurements.height
