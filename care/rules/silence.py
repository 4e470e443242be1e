"""Silence: an expected measurement has not come. No setting switches this rule off.

The French decrees of 22 June 2023 ask for an alert of non-transmission that the operator can't
disable (heart failure, diabetes); Balise raises it for every pathway. In a pause that a clinician
wrote down (a stay in hospital, a holiday) nothing is expected; after it the delay begins anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl

from care.rules.rule import Asked, Finding, Rule, Severity

STEP = timedelta(days=1)
"""Whoever saw or closed it hears of it after as long again as was expected, a day at least."""
_HOUR = timedelta(hours=1)


def find(readings: pl.DataFrame, asked: Asked) -> Finding | None:
    """Find the expected metric whose delay ended last: another one's silence must not hide it."""
    silent = [
        (last + delay, metric, last, delay)
        for metric, delay in asked.expected.items()
        if asked.as_of - (last := _last(readings, metric, asked)) > delay
    ]
    if asked.paused or not silent:
        return None
    due, metric, last, delay = max(silent)
    since = due.astimezone(ZoneInfo(asked.time_zone)).date()
    return Finding(
        since=since,
        period_start=last,
        period_end=asked.as_of,
        severity=Severity.DATA,
        grades={metric: Decimal((asked.as_of - last) // _HOUR) / (max(delay, STEP) // _HOUR)},
        figures={
            "metric": metric,
            "hours": (asked.as_of - last) // _HOUR,
            "limit": delay // _HOUR,
        },
    )


def _last(readings: pl.DataFrame, metric: str, asked: Asked) -> datetime:
    """Return when a metric, or one that may come instead, was last measured or first expected."""
    metrics = (metric, *asked.instead.get(metric, ()))
    times: list[datetime] = readings.filter(pl.col("metric").is_in(metrics))["taken_at"].to_list()
    return max(times + [one for one in (asked.resumed_at, asked.enrolled_at) if one])


RULE = Rule(
    code="silence",
    version=1,
    metrics=(),
    days=28,
    source="arrêtés of 22 June 2023 on télésurveillance: non-transmission alert",
    find=find,
)
