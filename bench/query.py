"""`balise bench query`: what the clinician's pages read, beside the same from raw readings.

The pages' own functions are timed on one connection, fetching and making rows counted in.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

import psycopg

import sql
from bench import machine
from bench.clinic import Clinic
from bench.line import running
from bench.rounds import share
from care.web import accounts, pages
from sql.roles import Role, connect

_DAYS = 90
_WHO = "bench"
_OFTEN, _SELDOM = 40, 2
"""How many times a round asks what is quick, and what isn't."""


def main(*, patients: int, days: int, a_day: int, rounds: int) -> None:
    """Print medians and 95th percentiles in milliseconds, and ratios, as one JSON object."""
    clinic = Clinic(patients, days, a_day)
    with running(prefect=False, members=()) as line:
        url = line.settings.database_url
        readings = clinic.build(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.get("bench.analyse"))
            accounts.add(connection, _WHO, _WHO, role="clinician")
            with _as_the_pages(url) as asking:
                densest = pages.patient(asking, clinic.code(0)) or {}
                found = Asking(asking, connection, clinic, densest["id"]).measure(rounds)
        facts = {"machine": machine.facts(url), "patients": patients, "readings": readings}
        print(json.dumps(facts | found, indent=2))


def _as_the_pages(url: str) -> psycopg.Connection:
    """Return a connection of the pages' role, for somebody who follows every patient."""
    connection = connect(url, Role.WEB)
    accounts.sign_in(connection, _WHO, _WHO, idle=timedelta(hours=1))
    return connection


@dataclass(frozen=True, slots=True)
class Asking:
    """A clinician's questions to a database, and the owner's to the raw readings."""

    connection: psycopg.Connection
    owner: psycopg.Connection
    clinic: Clinic
    densest: int
    """The patient who measures every minute."""

    def measure(self, rounds: int) -> dict[str, object]:
        """Ask everything round after round, and what is quick many times in each."""
        often: dict[str, Callable[[], object]] = {
            "trend": self._trend,
            "page": self._page,
            "page, every minute": lambda: self._page_of(0),
            "worklist": self._worklist,
            "without an alert": lambda: pages.well(self.connection, self.clinic.until),
            "freshness": lambda: pages.freshness(self.connection, datetime.now(UTC)),
        }
        seldom: dict[str, Callable[[], object]] = {
            "trend from raw": self._trend_from_raw,
            "worklist from raw": self._worklist_from_raw,
        }
        took: dict[str, list[float]] = {name: [] for name in often | seldom}
        for ask in (often | seldom).values():
            ask()
        for _ in range(rounds):
            for questions, times in ((often, _OFTEN), (seldom, _SELDOM)):
                for name, ask in questions.items():
                    took[name] += [_timed(ask) for _ in range(times)]
        return {"milliseconds": _report(took), "times_as_fast_as_raw": _against_raw(took)}

    def _trend(self) -> object:
        """Ask for the daily figures of five metrics, of the patient who measures every minute."""
        return self.connection.execute(sql.get("rollups.daily"), self._since()).fetchall()

    def _trend_from_raw(self) -> object:
        return self.owner.execute(sql.get("bench.trend_from_raw"), self._since()).fetchall()

    def _since(self) -> dict[str, object]:
        start = self.clinic.until - timedelta(days=_DAYS)
        return {"subject": self.densest, "since": start.date()}

    def _page(self) -> object:
        """Ask for the whole page of some patient."""
        return self._page_of(random.randrange(self.clinic.patients))  # noqa: S311 - no secret

    def _page_of(self, number: int) -> object:
        patient = pages.patient(self.connection, self.clinic.code(number)) or {}
        return pages.patient_page(self.connection, patient, days=_DAYS, now=self.clinic.until)

    def _worklist(self) -> object:
        return pages.worklist(self.connection, self.clinic.until)

    def _worklist_from_raw(self) -> object:
        keys = {"now": self.clinic.until}
        return self.owner.execute(sql.get("bench.worklist_from_raw"), keys).fetchall()


def _timed(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


def _report(took: Mapping[str, list[float]]) -> dict[str, object]:
    return {
        name: {
            "asked": len(times),
            "p50": round(median(times), 2),
            "p95": round(share(times, 0.95), 2),
        }
        for name, times in took.items()
    }


def _against_raw(took: Mapping[str, list[float]]) -> dict[str, float]:
    return {
        name: round(median(took[f"{name} from raw"]) / median(took[name]), 1)
        for name in ("trend", "worklist")
    }
