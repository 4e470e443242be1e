"""Patients to judge, and what was found: signals and summaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import psycopg
from psycopg.types.json import Jsonb

import sql
from sql.rollups import Packs

DAY = timedelta(days=1)
_EXACT = pl.Decimal(precision=38, scale=6)
_MILLIONTHS = pl.lit(1_000_000, _EXACT)


@dataclass(frozen=True, slots=True)
class Followed:
    """What judging a patient needs, without a name."""

    subject: int
    time_zone: str
    pathway: str
    enrolled_at: datetime
    plan_version: int
    plan: dict[str, Any] | None
    first_days: list[date]
    last_days: list[date]

    @property
    def pauses(self) -> list[tuple[date, date]]:
        """The first and the last local day of each pause."""
        return list(zip(self.first_days, self.last_days, strict=True))


def followed(connection: psycopg.Connection, subjects: Sequence[int]) -> list[Followed]:
    """Return what judging these patients needs."""
    rows = connection.execute(sql.get("care.subjects"), {"subjects": list(subjects)})
    return [Followed(*row) for row in rows]


def readings(
    connection: psycopg.Connection,
    subject: int,
    *,
    metrics: Sequence[str],
    since: date,
    as_of: datetime,
) -> pl.DataFrame:
    """Return readings in the columns of `care.readings.SCHEMA`, values exact, in no order."""
    keys = {"subject": subject, "metrics": list(metrics), "since": since, "as_of": as_of}
    with connection.cursor(binary=True) as cursor:
        packs = Packs(cursor.execute(sql.get("care.readings_for"), keys).fetchall(), sizes_at=2)
    return pl.DataFrame(
        {
            "metric": packs.each(0, pl.String),
            "taken_at": packs.times(2),
            "value": packs.numbers(3, ">i8"),
            "quality": packs.numbers(4, ">i8"),
            "series": packs.each(1),
            "stamped_at": packs.times(5),
            "sequence": packs.numbers(6, ">i4"),
        }
    ).with_columns(pl.col("value").cast(_EXACT) / _MILLIONTHS)


def last_readings(
    connection: psycopg.Connection,
    subject: int,
    *,
    metrics: Sequence[str],
    today: date,
    as_of: datetime,
) -> pl.DataFrame:
    """Return the same of the last day with readings and the one before it, metric by metric.

    Whoever asks when something was last measured needs no month of a glucose sensor. The day
    before, since a clock that is ahead may have stamped the last one after `as_of`.
    """
    keys = {"subject": subject, "metrics": list(metrics), "today": today}
    days: list[tuple[str, date]] = connection.execute(sql.get("care.last_days"), keys).fetchall()
    return pl.concat(
        [
            readings(connection, subject, metrics=[], since=today, as_of=as_of),
            *(
                readings(connection, subject, metrics=[metric], since=day - DAY, as_of=as_of)
                for metric, day in days
            ),
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a rule found, as it is stored."""

    subject: int
    rule: str
    rule_version: int
    episode: date
    severity: int
    grades: Mapping[str, Decimal]
    period_start: datetime
    period_end: datetime
    figures: dict[str, str | int]
    evidence: tuple[str, ...]


def raise_signal(connection: psycopg.Connection, signal: Signal) -> bool:
    """Raise a signal or refresh the open one of its episode; say whether it is new."""
    row = connection.execute(
        sql.get("care.open_signal"),
        {
            "subject": signal.subject,
            "rule": signal.rule,
            "rule_version": signal.rule_version,
            "episode": signal.episode,
            "severity": signal.severity,
            "grades": Jsonb({name: str(grade) for name, grade in signal.grades.items()}),
            "period_start": signal.period_start,
            "period_end": signal.period_end,
            "figures": Jsonb(signal.figures),
            "evidence": Jsonb(signal.evidence),
        },
    ).fetchone()
    if row is None or not row[1]:
        return False
    event = {"signal": row[0], "who": "balise", "state": "new", "reason": row[2]}
    connection.execute(sql.get("care.add_event"), event)
    return True


def close_others(
    connection: psycopg.Connection, subject: int, rule: str, episode: date | None, *, reason: str
) -> int:
    """Close the rule's open signals of other episodes, and say why; return how many."""
    keys = {"subject": subject, "rule": rule, "episode": episode, "reason": reason}
    return connection.execute(sql.get("care.close_signals"), keys).rowcount


def episode_of(connection: psycopg.Connection, subject: int, rule: str, since: date) -> date | None:
    """Return the known episode that a run is of which began no later than `since`."""
    keys = {"subject": subject, "rule": rule, "since": since}
    row = connection.execute(sql.get("care.episode_of"), keys).fetchone()
    return row[0] if row else None


def put_summary(
    connection: psycopg.Connection,
    subject: int,
    *,
    pathway: str,
    start: date,
    end: date,
    figures: list[dict[str, Any]],
    profile: list[dict[str, Any]],
) -> None:
    """Store a patient's figures of a period, and the profile of its day if there is one."""
    connection.execute(
        sql.get("care.put_summary"),
        {
            "subject": subject,
            "pathway": pathway,
            "period_start": start,
            "period_end": end,
            "figures": Jsonb(figures),
            "profile": Jsonb(profile) if profile else None,
        },
    )
