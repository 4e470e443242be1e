"""Fall of oxygen saturation: the day's median more than 4 points below that of the day before.

Fixed limits alone alarm often and in vain (Clarke 2016, 10.1109/jbhi.2015.2464275).
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import polars as pl

from care.metrics.oxygen_saturation import POOR
from care.readings import daily_medians, measured, newest
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

FALL = Limit(name="oxygen_fall", value=Decimal(4), unit="%", lowest=Decimal(2), highest=Decimal(10))
STEP = Decimal(2)
"""So many points more than when somebody saw or closed it are news."""


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find a fall of today or of yesterday, the last day measured."""
    kept = readings.filter((pl.col("metric") == "oxygen_saturation") & measured(POOR))
    days = daily_medians(kept)
    last = newest(days, asked.today)
    if last is None:
        return None
    before = days.get(last - timedelta(days=1))
    if before is None or before - days[last] <= asked.limit(FALL):
        return None
    rests_on = kept.filter(pl.col("day").is_between(last - timedelta(days=1), last))
    return Finding.on(
        rests_on,
        since=last,
        severity=Severity.PRIORITY,
        grades={"fall": (before - days[last]) / STEP},
        figures={
            "saturation": shown(days[last]),
            "fall": shown(before - days[last]),
            "limit": shown(asked.limit(FALL)),
        },
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
