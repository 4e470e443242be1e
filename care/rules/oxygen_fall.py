"""Fall of oxygen saturation: the day's median more than 4 points below that of the day before.

Fixed limits alone alarm often and in vain (Clarke 2016, 10.1109/jbhi.2015.2464275).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from statistics import median

import polars as pl

from care.metrics.oxygen_saturation import POOR
from care.readings import measured
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

FALL = Limit(name="oxygen_fall", value=Decimal(4), unit="%", lowest=Decimal(2), highest=Decimal(10))


def medians(readings: pl.DataFrame) -> dict[date, Decimal]:
    """Return the median of each local day, exact."""
    return {
        day: median(some["value"].to_list())
        for (day,), some in readings.partition_by("day", as_dict=True).items()
    }


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find a fall of today or of yesterday, the last day measured."""
    kept = readings.filter((pl.col("metric") == "oxygen_saturation") & measured(POOR))
    days = medians(kept)
    last = max(days, default=None)
    if last is None or asked.today - last > timedelta(days=1):
        return None
    before = days.get(last - timedelta(days=1))
    if before is None or before - days[last] <= asked.limit(FALL):
        return None
    rests_on = kept.filter(pl.col("day").is_between(last - timedelta(days=1), last))
    return Finding(
        since=last,
        period_start=rests_on["taken_at"][0],
        period_end=rests_on["taken_at"][-1],
        severity=Severity.PRIORITY,
        figures={
            "saturation": shown(days[last]),
            "fall": shown(before - days[last]),
            "limit": shown(asked.limit(FALL)),
        },
        evidence=tuple(rests_on["key"]),
    )


RULE = Rule(
    code="oxygen_fall",
    version=2,
    metrics=("oxygen_saturation",),
    days=7,
    source="Int J Med Inform 2018: more than 4 points below the day before (pilot, 19 patients)",
    find=find,
    limits=(FALL,),
)
