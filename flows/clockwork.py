"""What runs by the clock: who is silent, what leaves, what is old. Done here where nobody else did.

Prefect's schedules run it; its server may be away for days, and no patient waits for a dashboard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import structlog

import sql
from balise.failures import kind
from balise.settings import Settings
from flows import delivery, judging
from flows import retention as keeping
from flows.delivery import Delivered
from flows.judging import ANYTHING, Judged
from flows.retention import Dropped
from sql.roles import Role, connect

_log = structlog.get_logger(__name__)


def assess(connection: psycopg.Connection, now: datetime) -> Judged:
    """Judge every patient: silence needs no new reading."""
    done = judging.assess(connection, now, everyone=True)
    _note(connection, "assess")
    return done


def deliver(connection: psycopg.Connection, settings: Settings, now: datetime) -> Delivered:
    """Queue what is new for the FHIR server, if there is one, and send what is due."""
    done = Delivered()
    if settings.fhir_url:
        token = settings.fhir_token.get_secret_value()
        with delivery.posting(settings.fhir_url, token) as post:
            done = delivery.deliver(connection, now, post, language=settings.language)
    _note(connection, "deliver")
    return done


def retention(connection: psycopg.Connection, settings: Settings, now: datetime) -> Dropped:
    """Drop old payloads, and pack those that are older than some days."""
    done = keeping.drop_old(connection, now, months=settings.raw_months)
    keeping.pack(connection, days=settings.raw_pack_days)
    _note(connection, "retention")
    return done


def _note(connection: psycopg.Connection, flow: str) -> None:
    connection.execute(sql.get("flows.done"), {"flow": flow})


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done, and for how long it may be undone: more than twice its schedule's."""

    flow: str
    after: timedelta
    do: Callable[[psycopg.Connection, Settings, datetime], object]


DUE = (
    Due(
        "assess", timedelta(minutes=40), lambda connection, _settings, now: assess(connection, now)
    ),
    Due("deliver", timedelta(minutes=40), deliver),
    Due("retention", timedelta(hours=50), retention),
)


def make_up(settings: Settings, due: Due) -> bool:
    """Do it if it is overdue, and say whether it was done; what fails is told, and tried again."""
    try:
        with connect(settings.database_url, Role.FLOWS) as connection:
            if not _is_overdue(connection, due):
                return False
            _log.warning("flow_overdue", flow=due.flow)
            due.do(connection, settings, datetime.now(UTC))
    except ANYTHING as error:
        _log.error("flow_failed", flow=due.flow, error=kind(error))
        return False
    return True


def _is_overdue(connection: psycopg.Connection, due: Due) -> bool:
    connection.execute(sql.get("flows.begin"), {"flow": due.flow})
    asked = {"flow": due.flow, "after": due.after}
    return connection.execute(sql.get("flows.overdue"), asked).fetchone() == (True,)
