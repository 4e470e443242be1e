"""`balise devices prefer`, `unprefer`, `sources`: which of a patient's several devices counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from balise.database import needed
from balise.errors import UsageError
from balise.hand import who
from balise.metrics import METRICS
from balise.settings import Settings
from sql import audit, people, preferred


def prefer(
    settings: Settings, address: str | None, patient: str, *, metric: str | None, why: str
) -> None:
    """Prefer a device of a patient, or none, and say how many days are to be computed again."""
    if metric is not None and metric not in METRICS:
        raise UsageError(f"no metric {metric}; there are: {', '.join(METRICS)}")
    with needed(), psycopg.connect(settings.database_url, autocommit=True) as connection:
        subject = _subject(connection, patient)
        device = _device(connection, subject, address, patient) if address else None
        audit.add(connection, [subject], who=who(), action="change", what="balise devices prefer")
        marked = preferred.prefer(
            connection, subject, metric=metric or "", device=device, who=who(), why=why
        )
    Console().print(f"{marked} days of a metric will be computed again", highlight=False)


def _subject(connection: psycopg.Connection, patient: str) -> int:
    subject = people.find(connection, patient)
    if subject is None:
        raise UsageError(f"no patient {patient} is enrolled")
    return subject.id


def _device(connection: psycopg.Connection, subject: int, address: str, patient: str) -> int:
    """Return a device that is or was the patient's: another's preferred would count for nobody."""
    theirs = preferred.known(connection, [subject])[subject].devices
    for device, (known, _) in theirs.items():
        if known.casefold() == address.casefold():
            return device
    raise UsageError(f"{address} was never {patient}'s; see `balise devices give`")


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to say of a patient's devices."""

    devices: list[dict[str, Any]]
    preferences: list[dict[str, Any]]


def show(settings: Settings, patient: str, *, days: int, as_json: bool) -> None:
    """Print which devices counted, which were kept, and who preferred what."""
    since: date = datetime.now(UTC).date() - timedelta(days=days)
    with needed(), psycopg.connect(settings.database_url, autocommit=True) as connection:
        subject = _subject(connection, patient)
        audit.add(connection, [subject], who=who(), action="view", what="balise devices sources")
        found = Sources(
            preferred.of_patient(connection, subject, since),
            preferred.preferences(connection, subject),
        )
    if as_json:
        answer = {"devices": found.devices, "preferences": found.preferences}
        print(json.dumps(answer, default=str))  # noqa: T201 - the answer
    else:
        _print(found)


def _print(found: Sources) -> None:
    table = Table("metric", "device", "days counted", "days kept", "why kept")
    for row in found.devices:
        table.add_row(
            *(row["metric"], row["name"] or row["address"]),
            *(str(row["counted"]), str(row["kept"]), row["reason"]),
        )
    Console().print(table)
    history = Table("metric", "preferred", "who", "when", "why")
    for row in found.preferences:
        history.add_row(
            *(row["metric"] or "every", row["name"] or row["address"] or "none"),
            *(row["who"], f"{row['at']:%Y-%m-%d %H:%M}", row["why"]),
        )
    Console().print(history)
