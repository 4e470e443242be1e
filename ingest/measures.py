"""What Prometheus is told of the line: each figure a value, asked of the database or of the boxes.

Labels are outcomes, reasons, states and gateways' names: nothing of a patient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from ingest.boxes import Box, Presence

Value = tuple[tuple[str, ...], float]
"""The labels' values, and the figure."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure that a query of `sql/watch.sql` answers: its labels' columns, then `value`."""

    name: str
    help: str
    query: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfBoxes:
    """A figure that each box tells of itself; None where it said nothing of the kind."""

    name: str
    help: str
    of: Callable[[Box, datetime], float | None]

    def values(self, boxes: Iterable[Box], now: datetime) -> Iterable[Value]:
        """Yield the figure of each box that has one."""
        for box in boxes:
            value = self.of(box, now)
            if value is not None:
                yield (box.name,), float(value)


ASKED = (
    Asked(
        "balise_items_an_hour",
        "Items that landed within an hour, and what became of them.",
        "watch.accounted",
        ("outcome",),
    ),
    Asked(
        "balise_unaccounted_items",
        "Items that landed within an hour and became nothing: must be 0.",
        "watch.unaccounted",
    ),
    Asked("balise_waiting_messages", "Messages that no validate run read yet.", "watch.waiting"),
    Asked("balise_waiting_seconds", "Since when the first of them waits.", "watch.waiting_age"),
    Asked(
        "balise_validated_after_seconds",
        "From the receipt to readings, of the last quarter of an hour.",
        "watch.validated_after",
        ("quantile",),
    ),
    Asked(
        "balise_measured_before_seconds",
        "From the measurement to its window, of the last quarter of an hour.",
        "watch.measured_before",
        ("quantile",),
    ),
    Asked("balise_received_age_seconds", "Since when nothing landed.", "watch.received_age"),
    Asked("balise_windows_behind", "Patients' days whose figures are behind.", "watch.windows"),
    Asked("balise_windows_behind_seconds", "Since when.", "watch.windows_age"),
    Asked("balise_patients_behind", "Patients not judged, summed up.", "watch.patients", ("step",)),
    Asked("balise_patients_behind_seconds", "Since when.", "watch.patients_age", ("step",)),
    Asked(
        "balise_patients_failed",
        "Patients for whom a step failed: a fault of Balise.",
        "watch.patients_failed",
        ("step",),
    ),
    Asked(
        "balise_flow_age_seconds",
        "Since when what runs by the clock was not done.",
        "watch.flows",
        ("flow",),
    ),
    Asked(
        "balise_refused_items",
        "What was refused and waits for a mend or a decision.",
        "watch.refused",
        ("reason",),
    ),
    Asked("balise_unseen_signals", "Alerts that nobody has seen.", "watch.unseen"),
    Asked("balise_unseen_signals_seconds", "Since when.", "watch.unseen_age"),
    Asked("balise_outbox_bundles", "What goes to another system.", "watch.outbox", ("state",)),
    Asked("balise_outbox_waiting_seconds", "Since when the first waits.", "watch.outbox_age"),
    Asked("balise_backup_age_seconds", "How old the newest backup is.", "watch.backup_age"),
    Asked(
        "balise_copy_waiting_bytes",
        "What `balise db copy` has not taken of the log; 1e15 where it is lost.",
        "watch.copy_waiting",
    ),
    Asked("balise_database_bytes", "What the database takes on its disk.", "watch.bytes"),
    Asked(
        "balise_gateway_silent_seconds",
        "Since when a gateway sent no data.",
        "watch.contacts",
        ("gateway",),
    ),
)


def _online(box: Box, _now: datetime) -> float | None:
    return float(box.presence is Presence.ONLINE)


def _waiting(box: Box, _now: datetime) -> float | None:
    return box.waiting


def _share(box: Box, _now: datetime) -> float | None:
    return box.condition.spool.share if box.condition.spool else None


def _oldest(box: Box, now: datetime) -> float | None:
    spool = box.condition.spool
    if spool is None:
        return None
    return (now - spool.oldest).total_seconds() if spool.oldest else 0.0


def _disk(box: Box, _now: datetime) -> float | None:
    return box.condition.disk_free


def _certificate(box: Box, now: datetime) -> float | None:
    until = box.condition.certificate_until
    return (until - now).total_seconds() if until else None


OF_BOXES = (
    OfBoxes("balise_gateway_online", "Whether a gateway is at the broker.", _online),
    OfBoxes("balise_spool_items", "What waits in a gateway for a receipt.", _waiting),
    OfBoxes("balise_spool_waiting_seconds", "Since when the first of it does.", _oldest),
    OfBoxes("balise_spool_share", "How full a gateway's spool is, from 0 to 1.", _share),
    OfBoxes("balise_gateway_disk_free_bytes", "Room on a gateway's disk.", _disk),
    OfBoxes(
        "balise_gateway_certificate_seconds",
        "How long a gateway's certificate is still good.",
        _certificate,
    ),
)

DATABASE_UP = "balise_database_up"
MISSING = "balise_figures_missing"
BROKER_UP = "balise_broker_up"
CERTIFICATE = "balise_certificate_seconds"
DISK_FREE = "balise_disk_free_bytes"
"""Whether those that are asked answer, what they left out, how long the services' certificates are
good, and room."""
