"""Landed messages to what is stored of them, whatever is in them: no message holds up the line."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
import structlog

from balise.errors import Reason
from balise.model import Reading, Refused
from devices import validation
from devices.payloads import site
from devices.registry import DECODER_VERSION
from devices.validation import Landed, Registry
from sql import mappings
from sql import readings as store

_log = structlog.get_logger(__name__)

# What a value that no column can hold ends in: at the driver, in its encoding, or at the server.
UNSTORABLE = (psycopg.DataError, UnicodeEncodeError, OverflowError, struct.error)


def registry(connection: psycopg.Connection) -> Registry:
    """Return devices, whose they are, and how documents are read, as all that is now."""
    return Registry(
        store.devices(connection),
        store.assignments(connection),
        site.conventions(tuple(mappings.kept(connection).items())),
    )


@dataclass(slots=True)
class Taken:
    """What became of messages.

    By message, `new` counts the readings stored, duplicates not, and `conflicting` the duplicates
    of another value.
    """

    readings: list[Reading] = field(default_factory=list[Reading])
    refused: list[Refused] = field(default_factory=list[Refused])
    new: Counter[int] = field(default_factory=Counter[int])
    conflicting: Counter[int] = field(default_factory=Counter[int])

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.readings + other.readings,
            self.refused + other.refused,
            self.new + other.new,
            self.conflicting + other.conflicting,
        )


def take(connection: psycopg.Connection, landed: Sequence[Landed], known: Registry) -> Taken:
    """Validate messages and store what they are; one that can't be stored is refused whole."""
    outcomes = {row.id: validation.validate(row, known) for row in landed}
    return _store(connection, landed, outcomes)


Outcomes = dict[int, list[validation.Outcome]]


def _store(connection: psycopg.Connection, landed: Sequence[Landed], outcomes: Outcomes) -> Taken:
    """Store in one go; where that fails, by halves down to the one message that is to blame."""
    try:
        with connection.transaction():
            return _store_all(connection, landed, outcomes)
    except UNSTORABLE as error:
        if len(landed) == 1:
            refusal = unstorable(landed[0].id, error)
            return _store_all(connection, landed, {landed[0].id: [refusal]})
        half = len(landed) // 2
        return _store(connection, landed[:half], outcomes) + _store(
            connection, landed[half:], outcomes
        )


def _store_all(
    connection: psycopg.Connection, landed: Sequence[Landed], outcomes: Outcomes
) -> Taken:
    some = [outcome for row in landed for outcome in outcomes[row.id]]
    taken = Taken(
        [outcome for outcome in some if isinstance(outcome, Reading)],
        [outcome for outcome in some if isinstance(outcome, Refused)],
    )
    merged = store.store(connection, taken.readings, decoder=DECODER_VERSION)
    taken.new, taken.conflicting = merged.new, merged.conflicting
    origins = {row.id: store.Origin(row.gateway, row.received_at) for row in landed}
    store.refuse(connection, taken.refused, origins, decoder=DECODER_VERSION)
    log_faults(taken.refused)
    return taken


def unstorable(landing: int, error: Exception) -> Refused:
    """Return what a message is refused as whose content no column can hold."""
    fault = validation.broken(error)
    return Refused(landing=landing, item=0, reason=fault.reason, detail=str(fault))


def log_faults(refused: Sequence[Refused]) -> None:
    """Tell the log of faults of ours: which message and where in the code, never its content."""
    for one in refused:
        if one.reason == Reason.DECODER_ERROR:
            _log.error("decoder_error", message=one.landing, item=one.item, fault=one.detail)
