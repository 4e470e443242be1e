"""The steps of the line as plain functions: read, a pure function, write, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import psycopg

import sql
from care import readings as frames
from care.metrics.figure import Figure
from care.pathways import PATHWAYS
from care.rules import RULES
from care.rules.rule import Asked, Finding, Rule
from devices import validation
from flows import intake
from flows.aggregate import Recomputed, recompute
from sql import readings as readings_store
from sql import signals as signals_store
from sql.readings import Accounting
from sql.replay import BESIDE_VALIDATE

MESSAGES_AT_ONCE = 2000
BYTES_AT_ONCE = 1 << 19
"""Of payload: some fifty thousand readings in runs, two thousand that came alone."""
SUBJECTS_AT_ONCE = 200
SUMMARY_DAYS = 30


def validate(connection: psycopg.Connection) -> Accounting:
    """Turn batches of landing into readings and refusals; return what became of them."""
    while True:
        # Two that hold what came twice may wait for each other; then one of them begins anew.
        with suppress(psycopg.errors.DeadlockDetected), connection.transaction():
            connection.execute(sql.get("replay.beside_validate"), {"lock": BESIDE_VALIDATE})
            batches = connection.execute(
                sql.get("landing.take_batches"),
                {"messages": MESSAGES_AT_ONCE, "bytes": BYTES_AT_ONCE},
            ).fetchall()
            if not batches:
                return Accounting()
            landed = _landed(connection, batches)
            taken = intake.take(connection, landed, intake.registry(connection))
            return _close(connection, landed, taken)


def _landed(
    connection: psycopg.Connection, batches: Sequence[tuple[Any, ...]]
) -> list[validation.Landed]:
    received = [batch[1] for batch in batches]
    rows = connection.execute(
        sql.get("landing.of_batches"),
        {
            "batches": [batch[0] for batch in batches],
            "received_from": min(received),
            "received_to": max(received),
        },
    )
    return [validation.Landed(*row) for row in rows]


def _close(
    connection: psycopg.Connection,
    landed: Sequence[validation.Landed],
    taken: intake.Taken,
) -> Accounting:
    """Close the batches, each gateway's part with its own account; return the sum."""
    key = {row.id: (row.batch, row.gateway) for row in landed}
    messages = Counter(key.values())
    found, refusals, accepted, conflicting = (
        _by_batch(counts, key)
        for counts in (taken.found, taken.refused, taken.new, taken.conflicting)
    )
    accounts = {
        one: Accounting(
            messages=messages[one],
            landed=found[one] + refusals[one],
            accepted=accepted[one],
            duplicate=found[one] - accepted[one],
            refused=refusals[one],
            conflicting=conflicting[one],
        )
        for one in messages
    }
    readings_store.close_batches(connection, accounts)
    return sum(accounts.values(), Accounting())


def _by_batch(counts: Counter[int], key: dict[int, tuple[int, str]]) -> Counter[tuple[int, str]]:
    total: Counter[tuple[int, str]] = Counter()
    for landing, count in counts.items():
        total[key[landing]] += count
    return total


@dataclass(frozen=True, slots=True)
class Judged:
    """What an assess or a summarise step did."""

    subjects: int = 0
    raised: int = 0
    closed: int = 0

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.subjects + other.subjects,
            self.raised + other.raised,
            self.closed + other.closed,
        )


def assess(connection: psycopg.Connection, as_of: datetime, *, everyone: bool = False) -> Judged:
    """Judge patients with new figures, or every one: silence needs no new reading."""
    with connection.transaction():
        dirty = _take(connection, "care.take_dirty_to_assess")
        subjects = _all(connection) if everyone else dirty
        judged = Judged()
        for patient in signals_store.followed(connection, subjects):
            judged += _judge(connection, patient, as_of)
        connection.execute(sql.get("care.assessed"), {"subjects": dirty})
        return judged


def _take(connection: psycopg.Connection, query: str) -> list[int]:
    rows = connection.execute(sql.get(query), {"limit": SUBJECTS_AT_ONCE}).fetchall()
    return [int(row[0]) for row in rows]


def _all(connection: psycopg.Connection) -> list[int]:
    return [int(row[0]) for row in connection.execute(sql.get("care.every_subject"))]


def _judge(
    connection: psycopg.Connection, patient: signals_store.Followed, as_of: datetime
) -> Judged:
    pathway = PATHWAYS[patient.pathway]
    rules = [RULES["silence"], *(RULES[code] for code in pathway.rules)]
    asked = Asked(
        as_of=as_of,
        today=as_of.astimezone(ZoneInfo(patient.time_zone)).date(),
        time_zone=patient.time_zone,
        expected=pathway.expected,
        enrolled_at=patient.enrolled_at,
        instead=pathway.instead,
    )
    rows = signals_store.readings(
        connection,
        patient.subject,
        metrics=sorted({*chain.from_iterable(rule.metrics for rule in rules)}),
        since=asked.today - timedelta(days=max(rule.days for rule in rules)),
        as_of=as_of,
    )
    expected = {*pathway.expected, *chain.from_iterable(pathway.instead.values())}
    rows += signals_store.last_readings(
        connection,
        patient.subject,
        metrics=sorted(expected - {row[0] for row in rows}),
        today=asked.today,
        as_of=as_of,
    )
    readings = frames.frame(rows, patient.time_zone)
    judged = Judged(subjects=1)
    for rule in rules:
        judged += _keep(connection, patient.subject, rule, rule.find(readings, asked))
    return judged


def _keep(
    connection: psycopg.Connection, subject: int, rule: Rule, finding: Finding | None
) -> Judged:
    # The older episode closes before the newer opens: one open signal a rule.
    closed = signals_store.close_others(
        connection, subject, rule.code, finding.since if finding else None
    )
    if finding is None:
        return Judged(closed=closed)
    raised = signals_store.raise_signal(
        connection,
        signals_store.Signal(
            subject=subject,
            rule=rule.code,
            rule_version=rule.version,
            episode=finding.since,
            severity=finding.severity,
            period_start=finding.period_start,
            period_end=finding.period_end,
            figures=finding.figures,
            evidence=finding.evidence,
        ),
    )
    return Judged(raised=int(raised), closed=closed)


def summarise(connection: psycopg.Connection, as_of: datetime) -> Judged:
    """Compute the figures of patients with new readings, as of a moment."""
    with connection.transaction():
        subjects = _take(connection, "care.take_dirty_to_summarise")
        for patient in signals_store.followed(connection, subjects):
            _summarise(connection, patient, as_of)
        connection.execute(sql.get("care.summarised"), {"subjects": subjects})
        return Judged(subjects=len(subjects))


def _summarise(
    connection: psycopg.Connection, patient: signals_store.Followed, as_of: datetime
) -> None:
    pathway = PATHWAYS[patient.pathway]
    today = as_of.astimezone(ZoneInfo(patient.time_zone)).date()
    start = today - timedelta(days=SUMMARY_DAYS - 1)
    rows = signals_store.readings(
        connection, patient.subject, metrics=pathway.metrics, since=start, as_of=as_of
    )
    readings = frames.frame(rows, patient.time_zone)
    figures = [figure for function in pathway.figures for figure in function(readings, today)]
    signals_store.put_summary(
        connection,
        patient.subject,
        pathway=pathway.name,
        start=start,
        end=today,
        figures=[_as_json(figure) for figure in figures],
    )


def _as_json(figure: Figure) -> dict[str, Any]:
    value = None if figure.value is None else str(figure.value)
    return {
        **asdict(figure),
        "value": value,
        "start": figure.start.isoformat(),
        "end": figure.end.isoformat(),
        "coverage": round(figure.coverage, 3),
    }


@dataclass(slots=True)
class Line:
    """What one pass of the whole line did."""

    accounting: Accounting = field(default_factory=Accounting)
    recomputed: Recomputed = field(default_factory=Recomputed)
    assessed: Judged = field(default_factory=Judged)
    summarised: Judged = field(default_factory=Judged)


class Sum(Protocol):
    """Counts that add up."""

    def __add__(self, other: Any, /) -> Any:
        """Return the sum."""
        ...


Counts = TypeVar("Counts", bound=Sum)


def drain(step: Callable[[], Counts], nothing: Counts) -> Counts:
    """Repeat a step until it finds nothing to do; return the sum."""
    total = nothing
    while (done := step()) != nothing:
        total += done
    return total


def run_line(database_url: str, as_of: datetime | None = None) -> Line:
    """Run the four steps until nothing is left, without Prefect."""
    now = as_of or datetime.now(UTC)
    with psycopg.connect(database_url, autocommit=True) as connection:
        return Line(
            accounting=drain(lambda: validate(connection), Accounting()),
            recomputed=drain(lambda: recompute(connection), Recomputed()),
            assessed=drain(lambda: assess(connection, now), Judged()),
            summarised=drain(lambda: summarise(connection, now), Judged()),
        )
