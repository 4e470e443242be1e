"""Weight gain in heart failure: more than 2 kg above the lowest of the 3 civil days before."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl

from care.metrics.weight_change import daily_weights
from care.rules.rule import Asked, Finding, Limit, Rule, Severity, shown

GAIN = Limit(
    name="weight_gain", value=Decimal(2), unit="kg", lowest=Decimal("0.5"), highest=Decimal(10)
)
REFERENCE_DAYS = 3
STEP = Decimal(1)
"""So many kg more than when somebody saw or closed it are news."""


def gains(days: pl.DataFrame) -> pl.DataFrame:
    """Return each day's weight with its reference and the gain, where there is a reference."""
    before = days.select(reference_day="day", reference="value")
    return (
        days.join(before, how="cross")
        .filter(
            (pl.col("reference_day") < pl.col("day"))
            & (pl.col("day") - pl.col("reference_day") <= pl.duration(days=REFERENCE_DAYS))
        )
        .sort("day", "reference", "reference_day")
        .group_by("day", maintain_order=True)
        .first()
        .with_columns(gain=pl.col("value") - pl.col("reference"))
        .sort("day")
    )


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find a gain on the last day weighed, if that is not longer ago than the reference."""
    days = daily_weights(readings)
    with_gain = gains(days)
    firing = with_gain.filter(pl.col("gain") > asked.limit(GAIN))
    weighed: list[date] = days["day"].to_list()
    last = max(weighed, default=None)
    if last is None or firing.is_empty() or firing["day"][-1] != last:
        return None
    if (asked.today - last).days > REFERENCE_DAYS:
        return None
    now = firing.row(-1, named=True)
    reference = days.filter(pl.col("day") == now["reference_day"]).row(0, named=True)
    return Finding(
        since=_since(days, firing),
        period_start=reference["taken_at"],
        period_end=now["taken_at"],
        severity=Severity.PRIORITY,
        grades={"gain": now["gain"] / STEP},
        figures={
            "gain": shown(now["gain"]),
            "days": (last - now["reference_day"]).days,
            "limit": shown(asked.limit(GAIN)),
        },
        evidence=(reference["key"], now["key"]),
    )


def _since(days: pl.DataFrame, firing: pl.DataFrame) -> date:
    """Return the first day of the unbroken run of days that ends with the last one."""
    fired = set(firing["day"])
    since: date = firing["day"][-1]
    for day in reversed(days["day"].to_list()):
        if day not in fired:
            break
        since = day
    return since


RULE = Rule(
    code="weight_gain",
    version=1,
    metrics=("body_weight",),
    days=28,
    source="ESC/HFA patient guide (heartfailurematters.org): more than 2 kg in 3 days",
    find=find,
    limits=(GAIN,),
)
