"""Prometheus's page of the line: what it asks is asked of database and boxes then and there.

A part that doesn't answer is a figure of its own, and leaves the others on the page.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import psycopg
from cryptography import x509
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import sql
from balise import files
from balise.errors import BaliseError
from balise.settings import Settings
from ingest import boxes
from ingest.boxes import Box
from ingest.measures import (
    ASKED,
    BROKER_UP,
    CERTIFICATE,
    DATABASE_UP,
    DISK_FREE,
    MISSING,
    OF_BOXES,
    Asked,
)
from ingest.mqtt import Broker
from sql import rows
from sql.roles import Role, options

_SECONDS = 3.0
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True, slots=True)
class Line(Collector):
    """The line, as Prometheus collects it."""

    settings: Settings

    def collect(self) -> Iterator[Metric]:
        """Yield every figure there is now; one asks at a time, however many come."""
        with _ONE_AT_A_TIME:
            yield from list(self._figures())

    def _figures(self) -> Iterator[Metric]:
        yield from self._of_database()
        yield from self._of_boxes()
        yield self._certificates()
        room = float(files.room(self.settings.home))
        yield GaugeMetricFamily(DISK_FREE, "Room on the disk of BALISE_HOME.", value=room)

    def _of_database(self) -> Iterator[Metric]:
        found: list[Metric] = []
        try:
            with _connected(self.settings.database_url) as connection:
                found = _asked(connection)
        except psycopg.Error:
            yield _flag(DATABASE_UP, "Whether the database answers.", up=False)
            return
        yield _flag(DATABASE_UP, "Whether the database answers.", up=bool(found))
        yield from found
        missing = float(len(ASKED) - len(found))
        says = "Figures that the database did not tell in time."
        yield GaugeMetricFamily(MISSING, says, value=missing)

    def _of_boxes(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        try:
            said = boxes.look(Broker(self.settings), _SECONDS)
        except BaliseError:  # it does not answer, or our certificate can't be read
            yield _flag(BROKER_UP, "Whether the broker answers.", up=False)
            return
        yield _flag(BROKER_UP, "Whether the broker answers.", up=True)
        found: list[Box] = boxes.boxes(said, {}, frozenset())
        for one in OF_BOXES:
            family = GaugeMetricFamily(one.name, one.help, labels=["gateway"])
            for labels, value in one.values(found, now):
                family.add_metric(labels, value)
            yield family

    def _certificates(self) -> Metric:
        family = GaugeMetricFamily(
            CERTIFICATE, "How long a service's certificate is still good.", labels=["certificate"]
        )
        files = {"authority": self.settings.mqtt_ca_file, "service": self.settings.mqtt_cert_file}
        found = {name: _read(path) for name, path in files.items()}
        with suppress(BaliseError):
            found["broker"] = Broker(self.settings).certificate(_SECONDS) or b""
        now = datetime.now(UTC)
        for name, content in found.items():
            if until := _until(content):
                family.add_metric([name], (until - now).total_seconds())
        return family


def _connected(url: str) -> psycopg.Connection:
    """Connect as who only counts, and wait for nothing long: Prometheus asks again."""
    patience = f"{options(Role.WATCH)} -c statement_timeout={_SECONDS / 2:.1f}s"
    return psycopg.connect(url, autocommit=True, connect_timeout=int(_SECONDS), options=patience)


def _asked(connection: psycopg.Connection) -> list[Metric]:
    """Return what can be told: after one that is held up the others are waited for less."""
    found: list[Metric] = []
    until = time.monotonic() + _SECONDS
    for one in ASKED:
        try:
            if time.monotonic() < until:
                found.append(_told(connection, one))
        except psycopg.Error:
            connection.execute(sql.get("watch.hurry"))
    return found


def _told(connection: psycopg.Connection, one: Asked) -> Metric:
    family = GaugeMetricFamily(one.name, one.help, labels=list(one.labels))
    for row in rows.named(connection, one.query):
        if row["value"] is not None:
            family.add_metric([str(row[label]) for label in one.labels], row["value"])
    return family


def _flag(name: str, says: str, up: bool) -> Metric:  # noqa: FBT001 - it is the figure
    return GaugeMetricFamily(name, says, value=float(up))


def _read(path: Path | None) -> bytes:
    """Return a file's content, nothing where it can't be read."""
    with suppress(OSError):
        return path.read_bytes() if path else b""
    return b""


def _until(content: bytes) -> datetime | None:
    """Return until when a certificate is good, PEM or DER; None where it is none."""
    if not content:
        return None
    pem = content.startswith(b"-----")
    load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
    try:
        return load(content).not_valid_after_utc
    except ValueError:
        return None


def names() -> Iterable[str]:
    """Return the name of every figure, as Prometheus has it."""
    return (
        *(one.name for one in (*ASKED, *OF_BOXES)),
        DATABASE_UP,
        MISSING,
        BROKER_UP,
        CERTIFICATE,
        DISK_FREE,
    )
