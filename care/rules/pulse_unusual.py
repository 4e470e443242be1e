"""A pulse that is not this patient's: 3 robust deviations from the usual on 2 of the last 3 days.

The usual is the median of the 28 days before the last 3 (care/metrics/baseline.py).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from care.metrics import baseline
from care.metrics.figure import rounded
from care.readings import daily_medians, measured, newest
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

DISTANCE = Limit(
    name="pulse_unusual", value=Decimal(3), unit="1", lowest=Decimal(2), highest=Decimal(6)
)
RESOLUTION = 3.0
"""An oximeter or a cuff is as accurate as that, /min: a steadier pulse is not known to be one."""
LAST, OF_THEM = 3, 2
STEP = Decimal(10)
"""So many /min further off than when somebody saw or closed it are news."""


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find two unusual days among the last three, today or yesterday the last one measured."""
    kept = readings.filter((pl.col("metric") == "pulse_rate") & measured())
    days = daily_medians(kept)
    last = newest(days, asked.today)
    if last is None:
        return None
    rates = {day: float(rate) for day, rate in days.items()}
    usual = baseline.before(rates, last, resolution=RESOLUTION)
    if usual is None:
        return None
    limit = float(asked.limit(DISTANCE))
    far = {day for day, rate in rates.items() if abs(usual.distance(rate)) >= limit}
    episode = _episode(far, last)
    if not any(len(far & _window(day)) >= OF_THEM for day in episode):
        return None
    return _finding(kept, days, usual, sorted(far & episode))


def _window(day: date) -> set[date]:
    return {day - timedelta(days=back) for back in range(LAST)}


def _episode(far: set[date], last: date) -> set[date]:
    """Return the days up to the last one, each with an unusual one among itself and the two before.

    So that it goes on over one usual day, and ends with three of them.
    """
    days: set[date] = set()
    while far & _window(last):
        days |= _window(last)
        last -= timedelta(days=1)
    return days


def _finding(
    kept: pl.DataFrame, days: dict[date, Decimal], usual: baseline.Baseline, far: list[date]
) -> Finding:
    rests_on = kept.filter(pl.col("day") >= far[0])
    above = (days[far[-1]] - Decimal(usual.center)) / STEP
    return Finding.on(
        rests_on,
        since=far[0],
        severity=Severity.REVIEW,
        grades={"above": max(above, Decimal()), "below": max(-above, Decimal())},
        figures={
            "pulse": shown(rounded(days[far[-1]], 0)),
            "usual": shown(rounded(Decimal(usual.center), 0)),
        },
    )


RULE = Rule(
    code="pulse_unusual",
    version=1,
    metrics=("pulse_rate",),
    days=baseline.DAYS + baseline.LEFT_OUT + 2,
    source="3 scaled median deviations from the median of 28 days (Hampel 1974), 2 days of 3",
    find=find,
    limits=(DISTANCE,),
)
