"""What the pages show, read from the tables the flows keep; nothing clinical is computed here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg

import sql
from balise.metrics import METRICS
from balise.model import Quality
from care.exchange import microseconds, moment_of
from care.opening import Opening
from care.pathways import PATHWAYS
from care.plan import Plan, drawn_limits
from care.web.profile import Profile
from care.web.trend import Day, Trend
from devices.payloads import balise_v1
from sql import readings, rows
from sql.rows import Row

LATE = timedelta(minutes=2)
SILENT = timedelta(hours=24)
SILENT_LISTED = 20
NEWEST = 8
NOTES = 10
REOPENED = "reopened"
"""What a clinician does to a closed signal; it is in hand from then on."""
LISTED = 50
"""Patients of one page of the list: a nurse's panel; who is next is one link away."""
KEY = ("series", "stamped_at", "sequence")


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old what a page shows is: an empty list must not be mistaken for all is well."""

    last_received_at: datetime | None
    late_since: datetime | None
    failed: list[dict[str, str]]
    """Who can't be judged, and gets no alert."""


def freshness(connection: psycopg.Connection, now: datetime) -> Freshness:
    """Return when data last came, and since when it waits if it waits too long."""
    row = rows.named(connection, "care.freshness")[0]
    waiting = [at for at in (row["waiting_since"], row["dirty_since"]) if at and now - at > LATE]
    return Freshness(row["last_received_at"], min(waiting, default=None), row["failed"])


def silent_gateways(connection: psycopg.Connection, now: datetime) -> list[Row]:
    """Return gateways that fell silent, whose devices each hears, and how many there are."""
    return rows.named(connection, "care.silent_gateways", since=now - SILENT, limit=SILENT_LISTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """A page of the followed patients, those who need attention first, and how many there are.

    `more` is where the next page starts, None on the last one.
    """

    rows: list[Row]
    start: int
    level: int
    more: int | None
    followed: int
    to_see: int

    @property
    def before(self) -> int:
        """Where the page before starts."""
        return max(0, self.start - LISTED)


def worklist(
    connection: psycopg.Connection,
    now: datetime,
    *,
    start: int = 0,
    name: str = "",
    level: int = 0,
) -> Worklist:
    """Return the list from a place on, of patients whose name, code or birth has these words.

    With a level, of those alone whose gravest signal has it.

    Who has something open comes first, and who has nothing after the last of them: each part is
    read in its own order, so that a page of thousands costs what a page of hundreds does.
    """
    asked = {"now": now, "words": name.split()}
    most = LISTED + 1
    found = rows.named(
        connection, "care.worklist_open", **asked, level=level, start=start, limit=most
    )
    counts = found or rows.named(connection, "care.worklist_counts", words=asked["words"])
    followed, to_see, before = (counts[0][one] for one in ("followed", "to_see", "named"))
    if len(found) <= LISTED and not level:
        left = {"start": max(0, start - before), "limit": most - len(found)}
        found += rows.named(connection, "care.worklist_stable", **asked, **left)
    more = start + LISTED if len(found) > LISTED else None
    return Worklist(
        rows=found[:LISTED], start=start, level=level, more=more, followed=followed, to_see=to_see
    )


@dataclass(frozen=True, slots=True)
class Unseen:
    """How many signals should have been seen by now, and since when the first stands."""

    count: int
    since: datetime | None


def unseen(
    connection: psycopg.Connection, now: datetime, *, opening: Opening, hours: float
) -> Unseen:
    """Return the signals that nobody has seen for so many open hours."""
    delay = timedelta(hours=hours)
    raised: list[datetime] = [row["raised_at"] for row in rows.named(connection, "care.unseen")]
    overdue = [at for at in raised if opening.due(at, delay) <= now]
    return Unseen(len(overdue), min(overdue, default=None))


def well(connection: psycopg.Connection, as_of: datetime) -> list[Row]:
    """Return who has no alert since somebody looked last: a page of them, each with the count."""
    return rows.named(connection, "looked.well", as_of=as_of, limit=LISTED)


def patient(connection: psycopg.Connection, code: str) -> Row | None:
    """Return a patient's identity band."""
    found = rows.named(connection, "care.patient", code=code)
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the completeness strip."""

    day: date
    measured: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientPage:
    """A patient's page."""

    patient: Row
    days: int
    signals: list[Row]
    events: dict[int, list[Row]]
    summary: Row | None
    planned: bool
    pause: Row | None
    heard: Row
    notes: list[Row]
    more_notes: bool
    messages: list[Row]
    looked: Row | None
    profile: Profile | None
    cells: list[Cell]
    trends: list[Trend]
    readings: list[Row]


def patient_page(
    connection: psycopg.Connection,
    patient: Row,
    *,
    days: int,
    now: datetime,
    notes: int = NOTES,
) -> PatientPage:
    """Return a patient's page over the last days, with so many notes at most."""
    today = now.astimezone(ZoneInfo(patient["time_zone"])).date()
    start = today - timedelta(days=days - 1)
    subject = patient["id"]
    pathway = PATHWAYS[patient["pathway"]]
    plan = _plan(connection, subject)
    trends = _trends(
        connection, subject, (start, today), pathway.metrics, drawn_limits(pathway, plan)
    )
    measured = {day.day for trend in trends for day in trend.days}
    summary = rows.named(connection, "care.summary_of", subject=subject)
    events: defaultdict[int, list[Row]] = defaultdict(list)
    for event in rows.named(connection, "care.events_of", subject=subject):
        events[event["signal"]].append(event)
    written = rows.named(connection, "plans.notes", subject=subject, limit=notes + 1)
    return PatientPage(
        patient=patient,
        days=days,
        signals=rows.named(connection, "care.signals_of", subject=subject),
        events=events,
        summary=summary[0] if summary else None,
        planned=plan.version > 0,
        pause=_pause(connection, subject, today),
        heard=rows.named(connection, "care.heard", subject=subject)[0],
        notes=written[:notes],
        more_notes=len(written) > notes,
        messages=rows.named(connection, "plans.messages", subject=subject),
        looked=next(iter(rows.named(connection, "looked.newest", subject=subject)), None),
        profile=Profile.of(summary[0]["profile"] if summary else None),
        cells=[
            Cell(day, day in measured)
            for day in (start + timedelta(days=offset) for offset in range(days))
        ],
        trends=trends,
        readings=_newest(connection, subject, [trend.metric for trend in trends], start),
    )


def _plan(connection: psycopg.Connection, subject: int) -> Plan:
    """Return the plan that judges a patient, version 0 where none is signed for the pathway."""
    newest = rows.named(connection, "plans.holds", subject=subject)
    held = [one for one in newest if one["holds"]]
    return Plan.of(held[0]["version"], held[0]["content"]) if held else Plan()


def _pause(connection: psycopg.Connection, subject: int, today: date) -> Row | None:
    """Return the pause of today, None where measurements are expected."""
    pauses = rows.named(connection, "plans.pauses", subject=subject)
    return next((one for one in pauses if one["first_day"] <= today <= one["last_day"]), None)


def _trends(
    connection: psycopg.Connection,
    subject: int,
    period: tuple[date, date],
    first: tuple[str, ...],
    limits: Mapping[str, Mapping[str, Decimal]],
) -> list[Trend]:
    """Return the trends of a period, the pathway's own metrics first."""
    by_metric: defaultdict[str, list[Day]] = defaultdict(list)
    for row in rows.named(connection, "rollups.daily", subject=subject, since=period[0]):
        by_metric[row["metric"]].append(
            Day(row["day"], row["n"], row["min"], row["max"], row["median"])
        )
    order = [*first, *METRICS]
    return [
        Trend(metric, *period, by_metric[metric], limits.get(metric, {}))
        for metric in sorted(by_metric, key=order.index)
    ]


def _newest(
    connection: psycopg.Connection, subject: int, metrics: list[str], start: date
) -> list[Row]:
    since = datetime.combine(start, datetime.min.time(), UTC)
    found = [
        {**row, "metric": metric, "quality": _quality(row), "key": key(row)}
        for metric in metrics
        for row in readings.newest(connection, subject, metric, since=since, limit=NEWEST)
    ]
    return sorted(found, key=lambda row: row["taken_at"], reverse=True)


def _quality(row: Row) -> Quality:
    conflicting = Quality.CONFLICTING if row["conflicting"] else Quality.NONE
    return Quality(row["quality"]) | conflicting


def key(row: Row) -> str:
    """Return a reading's key as its page's address writes it, the stamp in microseconds."""
    return f"{row['series']}/{microseconds(row['stamped_at'])}/{row['sequence']}"


@dataclass(frozen=True, slots=True)
class Way:
    """A reading's way back to the bytes a device sent, and what became of it since.

    No `item` where the bytes are kept no more; `withdrawn`: it is not this patient's reading any
    more, and is shown as it last was. `also_sent` is what the device said otherwise of the same
    moment.
    """

    reading: Row
    item: str | None
    withdrawn: bool
    also_sent: list[Row]
    revisions: list[Row]


def way(
    connection: psycopg.Connection, subject: int, *, series: int, stamp: int, sequence: int
) -> Way | None:
    """Return where a reading came from, None where the patient has no such reading.

    `stamp` is in microseconds since 1970.
    """
    try:
        stamped_at = moment_of(stamp)
    except ValueError:
        return None
    keys = {"subject": subject, "series": series, "stamped_at": stamped_at, "sequence": sequence}
    held = rows.named(connection, "readings.of_key", **keys)
    found = held or rows.named(connection, "readings.withdrawn_of_key", **keys)
    if not found:
        return None
    # Of one that is somebody else's now, what came again is that patient's too.
    also_sent = (
        rows.named(connection, "readings.also_sent", **keys, value=held[0]["value"]) if held else []
    )
    return Way(
        {**found[0], "quality": _quality({**found[0], "conflicting": also_sent})},
        _item(found[0]),
        withdrawn=not held,
        also_sent=also_sent,
        revisions=[
            {**row, **_said(row, subject)}
            for row in rows.named(connection, "readings.revisions", **keys)
        ],
    )


def _item(row: Row) -> str | None:
    """Return what the device sent; None where retention has let it go."""
    payload: bytes | None = row["payload"]
    if payload is None:
        return None
    sent = tuple(balise_v1.read(payload).every())[int(row["item"])]
    return sent.data or sent.document


def _said(row: Row, subject: int) -> Row:
    """Return what a page says of a revision, and the reading it leads to; no other patient's."""
    link = None
    if not row["own"]:
        said, link = "replaces", key(row)
    elif row["kind"] == "withdrawn" and row["became_series"] is not None:
        said = "replaced"
        if row["became_subject"] == subject:
            link = key({name: row[f"became_{name}"] for name in KEY})
    elif row["kind"] == "changed" and row["old_subject"] != row["new_subject"]:
        said = "moved_away" if row["old_subject"] == subject else "moved_here"
    else:
        said = row["kind"]
    return {"said": said, "link": link}


def act(
    connection: psycopg.Connection,
    subject: int,
    signal: int,
    *,
    who: str,
    state: str,
    reason: str,
) -> bool:
    """Move a signal on in its life, with who did it and why; say whether it is as they wish.

    A second click finds it so; where somebody else moved it meanwhile it is not.
    """
    with connection.transaction():
        keys = {"signal": signal, "subject": subject, "state": state}
        query = "care.reopen" if state == REOPENED else "care.set_state"
        if connection.execute(sql.get(query), keys).fetchone():
            event = {"signal": signal, "who": who, "state": state, "reason": reason}
            connection.execute(sql.get("care.add_event"), event)
            return True
    last = rows.named(connection, "care.last_event", subject=subject, signal=signal)
    return last == [{"who": who, "state": state, "reason": reason}]
