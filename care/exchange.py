"""What the FHIR pages and the outbox say of a patient, read from the database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Self
from zoneinfo import ZoneInfo

import psycopg

from balise.metrics import METRICS
from balise.model import Quality
from care.fhir import resources
from care.fhir.observation import Measured
from care.fhir.report import Summary
from sql import rows
from sql.rows import Row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR = datetime(9999, 1, 1, tzinfo=UTC)
ROWS = 1000
"""Readings that one page or one bundle is made of, at most."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the order of a patient's measurements a page begins, itself left out."""

    taken_at: datetime = FAR
    device: int = 0
    stamped_at: datetime = FAR
    sequence: int = 0

    @classmethod
    def of(cls, row: Row) -> Self:
        """Return the place of a reading's measurement."""
        return cls(row["taken_at"], row["device"], row["stamped_at"], row["sequence"])

    def written(self) -> str:
        """Return the place as a page's address has it."""
        taken, stamped = microseconds(self.taken_at), microseconds(self.stamped_at)
        return f"{taken}-{self.device}-{stamped}-{self.sequence}"

    @classmethod
    def read(cls, written: str) -> Self:
        """Return a place from an address. Raises ValueError for what is none."""
        taken, device, stamped, sequence = map(int, written.split("-"))
        return cls(moment_of(taken), device, moment_of(stamped), sequence)


def microseconds(moment: datetime) -> int:
    """Return a moment as addresses write it, since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment_of(since_1970: int) -> datetime:
    """Return the moment of so many microseconds. Raises ValueError for what is none."""
    try:
        return EPOCH + timedelta(microseconds=since_1970)
    except OverflowError:
        raise ValueError(since_1970) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Measurements, the newest first, and where the next page begins."""

    measured: list[Measured]
    more: Place | None


def measurements(
    connection: psycopg.Connection,
    patient: Row,
    *,
    metrics: Sequence[str] = tuple(METRICS),
    since: datetime = EPOCH,
    until: datetime = FAR,
    place: Place | None = None,
    count: int = ROWS,
) -> Page:
    """Return a patient's measurements of some metrics in a period, at most `count` of them."""
    begin = place or Place()
    found = rows.named(
        connection,
        "fhir.measured",
        subject=patient["id"],
        metrics=list(metrics),
        since=since,
        until=until,
        before=begin.taken_at,
        device=begin.device,
        stamped=begin.stamped_at,
        sequence=begin.sequence,
        limit=ROWS + 1,
    )
    groups = [list(group) for _, group in groupby(found, key=Place.of)]
    if len(found) > ROWS:
        groups.pop()  # the last one may be cut
    whole = groups[:count]
    more = Place.of(whole[-1][0]) if len(found) > ROWS or len(groups) > count else None
    return Page(measured=[one for group in whole for one in _measured(group, patient)], more=more)


def every(
    connection: psycopg.Connection,
    patient: Row,
    *,
    metrics: Sequence[str] = tuple(METRICS),
    since: datetime = EPOCH,
    until: datetime = FAR,
) -> Iterator[Measured]:
    """Return all of a patient's measurements of a period, page after page."""
    place: Place | None = None
    while True:
        page = measurements(
            connection, patient, metrics=metrics, since=since, until=until, place=place
        )
        yield from page.measured
        place = page.more
        if place is None:
            return


def _measured(group: list[Row], patient: Row) -> list[Measured]:
    """Return a moment's measurement; of a metric told several times in a frame, one each."""
    first = group[0]
    positions = sorted({row["position"] for row in group})
    return [
        Measured(
            key=f"{first['device']}-{microseconds(first['stamped_at'])}-{first['sequence']}",
            patient=patient["code"],
            device=str(first["device"]),
            taken_at=first["taken_at"].astimezone(ZoneInfo(patient["time_zone"])),
            values={row["metric"]: row["value"] for row in rows_of},
            qualities={row["metric"]: Quality(row["quality"]) for row in rows_of},
            position=position,
        )
        for position in positions
        for rows_of in [[row for row in group if row["position"] == position]]
    ]


def withdrawn(
    connection: psycopg.Connection,
    patient: Row,
    *,
    metrics: Sequence[str],
    since: datetime,
    until: datetime,
) -> list[Measured]:
    """Return what was a patient's and is nobody's now: a decoder was mended, or a device taken."""
    keys = {"subject": patient["id"], "metrics": list(metrics), "since": since, "until": until}
    found = rows.named(connection, "fhir.withdrawn", **keys)
    return [
        replace(one, withdrawn=True)
        for _, group in groupby(found, key=Place.of)
        for one in _measured(list(group), patient)
    ]


def of_key(
    connection: psycopg.Connection, *, device: int, stamped: datetime, sequence: int
) -> list[Measured]:
    """Return what a device measured at one moment; of a shared one there may be two patients'."""
    keys = {"device": device, "stamped": stamped, "sequence": sequence}
    found = rows.named(connection, "fhir.of_key", **keys)
    return [
        one
        for (code, zone), group in groupby(found, key=lambda row: (row["code"], row["time_zone"]))
        for one in _measured(list(group), {"code": code, "time_zone": zone})
    ]


def patient(connection: psycopg.Connection, code: str) -> Row | None:
    """Return a patient by code, also one without a name."""
    found = rows.named(connection, "fhir.patients", after="", code=code, name="", limit=1)
    return found[0] if found and code else None


def patient_resource(patient: Row) -> dict[str, Any]:
    """Return a patient as FHIR has it."""
    return resources.patient(
        patient["code"],
        family=patient["family"] or "",
        given=patient["given"] or "",
        born=patient["birth_date"],
        sex=patient["sex"] or "",
        # One that is not qualified is not for others (RNIV 1).
        ins=(patient["ins_kind"], patient["ins"]) if patient["status"] == "qualified" else None,
    )


def device_resources(connection: psycopg.Connection, subject: int) -> list[dict[str, Any]]:
    """Return a patient's devices as FHIR has them."""
    return list(map(device_resource, rows.named(connection, "fhir.devices", subject=subject)))


def device_resource(row: Row) -> dict[str, Any]:
    """Return a device as FHIR has it."""
    return resources.device(row["id"], address=row["address"], name=row["name"] or "")


def summary(patient: Row, stored: Row, pdf: bytes | None = None) -> Summary:
    """Return a patient's stored summary, with the page made of it if it goes along."""
    return Summary(
        code=patient["code"],
        number=f"{patient['code']}-{stored['period_end']}",
        made_at=stored["made_at"],
        figures=stored["figures"],
        pdf=pdf,
    )
