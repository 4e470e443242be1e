"""Judging patients by their plans, and summing them up: rules and figures, written as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import polars as pl
import psycopg
import structlog

import sql
from balise import failures
from care import readings as frames
from care.pathways import PATHWAYS
from care.pathways.pathway import Pathway
from care.plan import Pause, Plan, paused, resumed_at
from care.rules import RULES
from care.rules.rule import Asked, Finding, Rule
from sql import signals as signals_store

_log = structlog.get_logger(__name__)
ANYTHING = (Exception, pl.exceptions.PanicException)
"""Whatever fails for one patient, the others' alerts go on; a panic of polars' is no Exception."""
SUBJECTS_AT_ONCE = 200
SUMMARY_DAYS = 30


@dataclass(frozen=True, slots=True)
class Judged:
    """What an assess or a summarise step did."""

    subjects: int = 0
    raised: int = 0
    closed: int = 0
    failed: int = 0

    def __add__(self, other: Judged) -> Judged:
        return Judged(
            self.subjects + other.subjects,
            self.raised + other.raised,
            self.closed + other.closed,
            self.failed + other.failed,
        )


def assess(connection: psycopg.Connection, as_of: datetime, *, everyone: bool = False) -> Judged:
    """Judge patients with new figures, or every one: silence needs no new reading."""
    with connection.transaction():
        dirty = _take(connection, "care.take_dirty_to_assess")
        subjects = _all(connection) if everyone else dirty
        judged, failed = _each(connection, subjects, lambda one: _judge(connection, one, as_of))
        done = [one for one in dirty if one not in failed]
        connection.execute(sql.get("care.assessed"), {"subjects": done, "as_of": as_of})
    _mark(connection, "care.not_assessed", failed, as_of)
    return judged


def _mark(connection: psycopg.Connection, query: str, failed: set[int], as_of: datetime) -> None:
    """Mark for whom a step failed, apart from it: other runs have these marks in hand too."""
    if failed:
        connection.execute(sql.get(query), {"subjects": sorted(failed), "as_of": as_of})


def _each(
    connection: psycopg.Connection,
    subjects: list[int],
    work: Callable[[signals_store.Followed], Judged],
) -> tuple[Judged, set[int]]:
    """Do something for each patient, and return for whom it failed: for the others it is done."""
    judged, failed = Judged(), set[int]()
    for patient in signals_store.followed(connection, subjects):
        try:
            with connection.transaction():
                judged += work(patient)
        except psycopg.OperationalError:  # the database's, and so everybody's
            raise
        except ANYTHING as error:
            _log.error("patient_failed", error=str(failures.failed(error)))
            failed.add(patient.subject)
    return judged + Judged(failed=len(failed)), failed


def _take(connection: psycopg.Connection, query: str) -> list[int]:
    rows = connection.execute(sql.get(query), {"limit": SUBJECTS_AT_ONCE}).fetchall()
    return [int(row[0]) for row in rows]


def _all(connection: psycopg.Connection) -> list[int]:
    return [int(row[0]) for row in connection.execute(sql.get("care.every_subject"))]


def _judge(
    connection: psycopg.Connection, patient: signals_store.Followed, as_of: datetime
) -> Judged:
    pathway = PATHWAYS[patient.pathway]
    plan = Plan.of(patient.plan_version, patient.plan)
    rules = [RULES[code] for code in plan.rules(pathway)]
    asked = _asked(patient, pathway, plan, as_of)
    recent = signals_store.readings(
        connection,
        patient.subject,
        metrics=sorted({*chain.from_iterable(rule.metrics for rule in rules)}),
        since=asked.today - timedelta(days=max(rule.days for rule in rules)),
        as_of=as_of,
    )
    expected = {*pathway.expected, *chain.from_iterable(pathway.instead.values())}
    older = signals_store.last_readings(
        connection,
        patient.subject,
        metrics=sorted(expected - {*recent["metric"].unique()}),
        today=asked.today,
        as_of=as_of,
    )
    readings = frames.placed(pl.concat([recent, older]), patient.time_zone)
    judged = Judged(subjects=1)
    for rule in rules:
        judged += _keep(connection, patient.subject, rule, rule.find(readings, asked), asked)
    return judged


def _asked(patient: signals_store.Followed, pathway: Pathway, plan: Plan, as_of: datetime) -> Asked:
    """Return what the rules are asked of a patient at a moment."""
    today = as_of.astimezone(ZoneInfo(patient.time_zone)).date()
    pauses = [Pause(first, last) for first, last in patient.pauses]
    return Asked(
        as_of=as_of,
        today=today,
        time_zone=patient.time_zone,
        expected=plan.expected(pathway),
        enrolled_at=patient.enrolled_at,
        instead=pathway.instead,
        limits=plan.limits,
        protocol=plan.protocol or pathway.protocol,
        paused=paused(pauses, today),
        resumed_at=resumed_at(pauses, today, patient.time_zone),
    )


def _keep(
    connection: psycopg.Connection, subject: int, rule: Rule, finding: Finding | None, asked: Asked
) -> Judged:
    """Write what a rule found: the older episode closes before the newer opens."""
    episode = _episode(connection, subject, rule, finding)
    reason = "next_episode" if episode else "paused" if _paused(rule, asked) else "values_back"
    closed = signals_store.close_others(connection, subject, rule.code, episode, reason=reason)
    if finding is None or episode is None:
        return Judged(closed=closed)
    raised = signals_store.raise_signal(
        connection,
        signals_store.Signal(
            subject=subject,
            rule=rule.code,
            rule_version=rule.version,
            episode=episode,
            severity=finding.severity,
            grades=finding.grades,
            period_start=finding.period_start,
            period_end=finding.period_end,
            figures=finding.figures,
            evidence=finding.evidence,
        ),
    )
    return Judged(raised=int(raised), closed=closed)


def _paused(rule: Rule, asked: Asked) -> bool:
    """Say whether it is a pause that ended it: only of what is missing nothing is expected then."""
    return asked.paused and rule.code == "silence"


def _episode(
    connection: psycopg.Connection, subject: int, rule: Rule, finding: Finding | None
) -> date | None:
    """Return the day an episode is known by: its first, also where the rule no longer sees it."""
    if finding is None or not finding.open_ended:
        return finding.since if finding else None
    known = signals_store.episode_of(connection, subject, rule.code, finding.since)
    return known or finding.since


def summarise(connection: psycopg.Connection, as_of: datetime) -> Judged:
    """Compute the figures of patients with new readings, as of a moment."""
    with connection.transaction():
        subjects = _take(connection, "care.take_dirty_to_summarise")
        judged, failed = _each(connection, subjects, lambda one: _summarise(connection, one, as_of))
        done = [one for one in subjects if one not in failed]
        connection.execute(sql.get("care.summarised"), {"subjects": done})
    _mark(connection, "care.not_summarised", failed, as_of)
    return replace(judged, subjects=len(done))


def _summarise(
    connection: psycopg.Connection, patient: signals_store.Followed, as_of: datetime
) -> Judged:
    pathway = PATHWAYS[patient.pathway]
    today = as_of.astimezone(ZoneInfo(patient.time_zone)).date()
    start = today - timedelta(days=SUMMARY_DAYS - 1)
    found = signals_store.readings(
        connection, patient.subject, metrics=pathway.metrics, since=start, as_of=as_of
    )
    readings = frames.placed(found, patient.time_zone)
    protocol = Plan.of(patient.plan_version, patient.plan).protocol
    figures = pathway.figures_of(readings, today, protocol)
    profile = pathway.profile(readings, today) if pathway.profile else []
    signals_store.put_summary(
        connection,
        patient.subject,
        pathway=pathway.name,
        start=start,
        end=today,
        figures=[figure.as_json() for figure in figures],
        profile=[hour.as_json() for hour in profile],
    )
    return Judged(subjects=1)
