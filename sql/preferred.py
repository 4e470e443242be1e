"""Which device is preferred for a patient, what devices are, and what pages show of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg.rows import dict_row

import sql

PREFERENCES = 0x62616C73
"""The lock that a run which recomputes shares, and who changes a preference holds alone."""

Row = dict[str, Any]


def hold(connection: psycopg.Connection) -> None:
    """Keep preferences as they are until the transaction ends."""
    connection.execute(sql.get("sources.beside_preferences"), {"lock": PREFERENCES})


@dataclass(frozen=True, slots=True)
class Known:
    """A patient's pathway, preferred device by metric, and (address, model) by device."""

    pathway: str
    chosen: Mapping[str, int]
    devices: Mapping[int, tuple[str, str]]


def known(connection: psycopg.Connection, subjects: Collection[int]) -> dict[int, Known]:
    """Return what is known of patients."""
    keys = {"subjects": sorted(subjects)}
    pathways = connection.execute(sql.get("sources.pathways"), keys).fetchall()
    chosen: dict[int, dict[str, int]] = {subject: {} for subject, _ in pathways}
    devices: dict[int, dict[int, tuple[str, str]]] = {subject: {} for subject, _ in pathways}
    for subject, metric, device in connection.execute(sql.get("sources.chosen"), keys):
        chosen[subject][metric] = device
    for subject, device, address, model in connection.execute(sql.get("sources.devices"), keys):
        devices[subject][device] = (address, model)
    return {
        subject: Known(pathway, chosen[subject], devices[subject]) for subject, pathway in pathways
    }


def prefer(
    connection: psycopg.Connection,
    subject: int,
    *,
    metric: str,
    device: int | None,
    who: str,
    why: str = "",
) -> int:
    """Prefer a device for a patient's metric ("" every metric), or none; return windows marked.

    Doing it twice does nothing.
    """
    keys = {"subject": subject, "metric": metric, "device": device, "who": who, "why": why}
    with connection.transaction():
        connection.execute(sql.get("sources.before_recomputing"), {"lock": PREFERENCES})
        changed = connection.execute(sql.get("sources.prefer"), keys).fetchone()
        if changed is None:
            return 0
        devices = [one for one in (device, changed[0]) if one is not None]
        return _mark(connection, devices, subject=subject, metric=metric)


def describe(connection: psycopg.Connection, device: int, model: str) -> int:
    """Say what a device is, a model or a kind; return how many windows that marks."""
    with connection.transaction():
        connection.execute(sql.get("sources.before_recomputing"), {"lock": PREFERENCES})
        keys = {"device": device, "model": model}
        if connection.execute(sql.get("sources.describe"), keys).fetchone() is None:
            return 0
        return _mark(connection, [device], subject=None, metric="")


def _mark(
    connection: psycopg.Connection, devices: list[int], *, subject: int | None, metric: str
) -> int:
    keys = {"devices": devices, "subject": subject, "metric": metric}
    marked = connection.execute(sql.get("sources.mark"), keys).rowcount
    connection.execute(sql.get("landing.notify"))
    return marked


def _rows(connection: psycopg.Connection, query: str, **keys: object) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.get(query), keys).fetchall()


def of_patient(connection: psycopg.Connection, subject: int, since: date) -> list[Row]:
    """Return the devices of metrics that a patient has several for, with days counted and kept."""
    return _rows(connection, "sources.of_patient", subject=subject, since=since)


def preferences(connection: psycopg.Connection, subject: int) -> list[Row]:
    """Return what was preferred for a patient, by whom and when; the newest first."""
    return _rows(connection, "sources.preferences", subject=subject)


def kept(connection: psycopg.Connection, subject: int, since: date) -> list[Row]:
    """Return which devices do not count in which of a patient's windows, and why not."""
    return _rows(connection, "sources.kept", subject=subject, since=since)


def findings(connection: psycopg.Connection, subject: int, since: date) -> list[Row]:
    """Return what was found of a patient's readings."""
    return _rows(connection, "sources.findings_of", subject=subject, since=since)
