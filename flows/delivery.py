"""What leaves for another system: bundles are queued with what they tell of, then sent until taken.

A bundle is made in the transaction that marks its windows as sent, and is posted as often as it
takes: each entry is put where its id says, so that a second time changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast

import httpx
import psycopg

import sql
from balise.closed import is_closed, place
from balise.errors import UsageError
from balise.metrics import METRICS
from care import exchange
from care.fhir import resources
from care.fhir.bundle import as_json, transaction
from care.fhir.codes import PRESSURES
from care.fhir.observation import observations
from care.fhir.report import resources as of_summary
from care.rollups import day_bounds
from care.web import pages
from care.web.report import make
from care.web.words import words
from sql import audit, rows
from sql.rows import Row

SPOT = frozenset(name for name, one in METRICS.items() if one.same_event) - {"interstitial_glucose"}
"""What is measured now and then goes out reading by reading; a stream or a sensor goes out as
figures."""
AT_ONCE = 100
LONGEST_WAIT = timedelta(hours=6)
LEASE = timedelta(minutes=15)
"""How long a bundle may be on its way; after that another run takes it for lost."""
_NEVER = {400, 412, 413, 422}
"""What says that the bundle is wrong. Anything else may be mended there, or is the sender's own."""
_ELSEWHERE = {401, 403, 404, 405, 408, 425, 429, 502, 503, 504, None}
"""What is said of every bundle alike, nothing included: the others are not tried."""
_LOCK = 0x62616C64
_RESPONSE = "transaction-response"
_LINE = 200


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of bundles."""

    queued: int = 0
    delivered: int = 0
    refused: int = 0
    put_off: int = 0

    def __add__(self, other: Delivered) -> Delivered:
        return Delivered(
            self.queued + other.queued,
            self.delivered + other.delivered,
            self.refused + other.refused,
            self.put_off + other.put_off,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other system said; no status where it did not answer at all.

    `held`: it says in FHIR that the transaction is there; a page to sign in has status 200 too.
    """

    status: int | None
    said: str
    held: bool = False

    @property
    def never(self) -> bool:
        """Whether sending it again would be refused again."""
        return self.status in _NEVER

    @property
    def elsewhere(self) -> bool:
        """Whether it has nothing to do with the bundle."""
        return self.status in _ELSEWHERE


Post = Callable[[bytes], Answer]


@dataclass(frozen=True, slots=True)
class Queue:
    """Queues what is new as of a moment, in the language that the site sends in."""

    connection: psycopg.Connection
    now: datetime
    language: str

    def everything(self) -> Delivered:
        """Queue days of readings, signals as they are now, and a report a week, till all is."""
        self.connection.execute(sql.get("fhir.forget"), {"now": self.now})
        total = Delivered()
        while True:
            days = rows.named(self.connection, "fhir.unsent_days", limit=AT_ONCE)
            looked = [self._day(one["subject"], one["day"]) for one in days]
            queued = [count for count in looked if count is not None]
            done = Delivered(queued=sum(queued) + self._signals() + self._reports())
            total += done
            if not queued and done == Delivered():
                return total

    def _day(self, subject: int, day: date) -> int | None:
        """Queue a patient's day, and mark its windows; None where another run holds any.

        All that was measured now and then on it: a newer day takes the place of an older one.
        """
        with suppress(psycopg.errors.LockNotAvailable), self.connection.transaction():
            taken = rows.named(self.connection, "fhir.take_day", subject=subject, day=day)
            patient = _patient(self.connection, subject)
            unsent = {row["metric"] for row in taken if row["unsent"]}
            spot = {str(row["metric"]) for row in taken} & SPOT
            sent = self._of_day(patient, day, spot if unsent & SPOT else set())
            keys = {"subject": subject, "day": day, "metrics": sorted(unsent)}
            self.connection.execute(sql.get("fhir.sent"), keys)
            thing = f"readings/{subject}/{day}"
            state = ",".join(f"{row['metric']}:{row['generation']}" for row in taken)
            return self._put(patient, thing, f"{thing}/{state}", sent)
        return None

    def _of_day(self, patient: Row, day: date, metrics: set[str]) -> list[dict[str, Any]]:
        """Return the Observations of a local day, the devices they are of, and which of which."""
        if not metrics:
            return []
        wanted = metrics.union(PRESSURES) if metrics & set(PRESSURES) else metrics
        since, until = day_bounds(day, patient["time_zone"])
        database, names = self.connection, sorted(wanted)
        gone = exchange.withdrawn(database, patient, metrics=names, since=since, until=until)
        kept = exchange.every(database, patient, metrics=names, since=since, until=until)
        found = [one for measured in (*gone, *kept) for one in observations(measured)]
        key = f"{patient['code']}-{day}"
        told = resources.measured_by_devices(found, key=key, recorded=self.now)
        devices = exchange.device_resources(database, patient["id"])
        return [*devices, *found, *told] if found else []

    def _signals(self) -> int:
        changed = rows.named(self.connection, "fhir.changed_signals", limit=AT_ONCE)
        return sum(map(self._signal, changed))

    def _signal(self, signal: Row) -> int:
        reason = words(self.language)(f"reason.{signal['rule']}", **signal["figures"])
        flag = resources.flag(signal, signal["code"], reason=reason)
        patient = _patient(self.connection, signal["subject"])
        return self._put(patient, signal["thing"], signal["key"], [flag])

    def _reports(self) -> int:
        year, number, _ = self.now.isocalendar()
        week = f"{year}-W{number:02}"
        waiting = rows.named(self.connection, "fhir.unreported", week=week, limit=AT_ONCE)
        return sum(self._report(one["id"], week) for one in waiting)

    def _report(self, subject: int, week: str) -> int:
        patient = _patient(self.connection, subject)
        shown = pages.patient_page(self.connection, patient, days=30, now=self.now)
        if shown.summary is None:
            return 0
        pdf = make(shown, words(self.language), self.now)
        summary = exchange.summary(patient, shown.summary, pdf)
        thing = f"report/{subject}/{week}"
        return self._put(patient, thing, thing, of_summary(summary))

    def _put(self, patient: Row, thing: str, key: str, sent: Sequence[dict[str, Any]]) -> int:
        """Queue resources with whom they are of; nothing is no bundle."""
        if not sent:
            return 0
        body = as_json(transaction([exchange.patient_resource(patient), *sent]))
        keys = {"subject": patient["id"], "thing": thing, "key": key, "body": body}
        self.connection.execute(sql.get("fhir.supersede"), keys)
        return self.connection.execute(sql.get("fhir.queue"), {**keys, "now": self.now}).rowcount


def _patient(connection: psycopg.Connection, subject: int) -> Row:
    (found,) = rows.named(connection, "fhir.patient", subject=subject)
    return found


def send(connection: psycopg.Connection, now: datetime, post: Post) -> tuple[Delivered, Answer]:
    """Post the bundle that is due for longest; keep the receipt, or when to try again.

    It is claimed before, and no transaction waits for the other system.
    """
    claim = {"now": now, "lease": now + LEASE}
    with connection.transaction():
        row = connection.execute(sql.get("fhir.claim"), claim).fetchone()
        if row is None:
            return Delivered(), Answer(None, "")
        number, subject, body, attempts = row
        if attempts == 1:
            audit.line(connection, [subject], action="export", what="FHIR delivery")
    answer = post(bytes(body))
    keys = {"id": number, "status": answer.status, "answer": answer.said[:_LINE]}
    if answer.held or answer.never:
        state = "delivered" if answer.held else "refused"
        connection.execute(sql.get("fhir.ended"), {**keys, "state": state})
        return Delivered(delivered=int(answer.held), refused=int(answer.never)), answer
    due = now + min(timedelta(minutes=1) * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
    connection.execute(sql.get("fhir.put_off"), {**keys, "due": due})
    return Delivered(put_off=1), answer


@contextmanager
def posting(url: str, token: str) -> Iterator[Post]:
    """Give what posts a transaction to a FHIR server, over connections that last as long.

    UsageError where somebody on the way could read it.
    """
    if not is_closed(url):
        raise UsageError(f"BALISE_FHIR_URL must be an https:// address: {place(url)}")
    headers = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with httpx.Client(headers=headers, timeout=30) as client:

        def post(body: bytes) -> Answer:
            try:
                answer = client.post(url, content=body)
            except httpx.HTTPError as error:
                return Answer(None, type(error).__name__)
            held = answer.is_success and _is_held(answer.content)
            return Answer(answer.status_code, _first_line(answer.text), held)

        yield post


def _is_held(content: bytes) -> bool:
    """Say whether an answer is FHIR's: what became of a transaction's entries."""
    try:
        said: Any = json.loads(content)
    except ValueError:
        return False
    return isinstance(said, dict) and cast("dict[str, Any]", said).get("type") == _RESPONSE


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")


def deliver(
    connection: psycopg.Connection, now: datetime, post: Post, *, language: str
) -> Delivered:
    """Queue what is new and send what is due, unless another run does; till nobody takes any."""
    lock = {"lock": _LOCK}
    if connection.execute(sql.get("fhir.alone"), lock).fetchone() != (True,):
        return Delivered()
    try:
        done = Queue(connection, now, language).everything()
        while True:
            sent, answer = send(connection, now, post)
            done += sent
            if sent == Delivered() or (sent.put_off and answer.elsewhere):
                return done
    finally:
        connection.execute(sql.get("fhir.not_alone"), lock)
