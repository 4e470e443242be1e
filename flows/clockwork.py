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
from balise.database import needed
from balise.failures import kind
from balise.settings import Settings
from flows import delivery, judging
from flows import retention as keeping
from flows.delivery import Delivered
from flows.judging import Judged
from flows.retention import Dropped
from sql.roles import Role, connect

_log = structlog.get_logger(__name__)


def assess(connection: psycopg.Connection, _settings: Settings, now: datetime) -> Judged:
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
    Due("assess", timedelta(minutes=40), assess),
    Due("deliver", timedelta(minutes=40), deliver),
    Due("retention", timedelta(hours=50), retention),
)


def make_up(settings: Settings) -> list[str]:
    """Do what is overdue; return what was done. DatabaseDown where there is none."""
    with needed(), connect(settings.database_url, Role.FLOWS) as connection:
        connection.execute(sql.get("flows.begin"), {"flows": [one.flow for one in DUE]})
        return [one.flow for one in DUE if _is_overdue(connection, one) and _do(one, settings)]


def _is_overdue(connection: psycopg.Connection, due: Due) -> bool:
    asked = {"flow": due.flow, "after": due.after}
    return connection.execute(sql.get("flows.overdue"), asked).fetchone() == (True,)


def _do(due: Due, settings: Settings) -> bool:
    """Do it on a connection of its own; what fails is tried again, and told as late meanwhile."""
    _log.warning("flow_overdue", flow=due.flow)
    try:
        with connect(settings.database_url, Role.FLOWS) as connection:
            due.do(connection, settings, datetime.now(UTC))
    except psycopg.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is: the line goes on
        _log.error("flow_failed", flow=due.flow, error=kind(error))
        return False
    return True
