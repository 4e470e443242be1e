"""The aggregate step as a process of its own is asked for it: a period again, or what waits."""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

import psycopg

from flows import backfill
from flows.aggregate import Recomputed, recompute
from flows.steps import drain

Period: TypeAlias = tuple[date, date]


def rebuild(connection: psycopg.Connection, period: Period | None) -> int:
    """Recompute all windows of a period, or those that wait; return how many readings they have."""
    if period is None:
        return drain(lambda: recompute(connection), Recomputed()).readings
    return backfill.run(connection, *period).readings
