"""Plans, pauses, notes and team of a patient: what the care team decides and tells one another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

import sql


def sign(
    connection: psycopg.Connection,
    subject: int,
    content: Mapping[str, Any],
    *,
    over: int,
    who: str,
    pathway: str | None = None,
) -> bool:
    """Sign a plan written over version `over`, and have its rules judge; say whether it holds.

    It does not where somebody else signed one meanwhile: nobody's limits are lost unseen; nor where
    the patient is not on the pathway any more that it was written for, the one of now unless named.
    """
    with connection.transaction():
        keys = {"content": Jsonb(dict(content)), "over": over, "who": who, "pathway": pathway}
        row = connection.execute(sql.get("plans.sign"), {"subject": subject, **keys}).fetchone()
        if row is not None:
            judge_again(connection, subject)
        return row is not None


def pause(
    connection: psycopg.Connection, subject: int, *, first: date, last: date, reason: str, who: str
) -> None:
    """Expect nothing of a patient from a local day to another."""
    keys = {"first_day": first, "last_day": last, "reason": reason, "who": who}
    with connection.transaction():
        connection.execute(sql.get("plans.pause"), {"subject": subject, **keys})
        judge_again(connection, subject)


def resume(
    connection: psycopg.Connection, subject: int, number: int, *, today: date, who: str
) -> None:
    """End a pause with the day before today."""
    keys = {"subject": subject, "pause": number, "today": today, "who": who}
    with connection.transaction():
        connection.execute(sql.get("plans.resume"), keys)
        judge_again(connection, subject)


def judge_again(connection: psycopg.Connection, subject: int) -> None:
    """Have the rules judge a patient at the next run, though no reading came."""
    connection.execute(sql.get("rollups.mark_subjects"), {"subjects": [subject]})
