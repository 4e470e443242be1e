"""Landed messages to what is stored of them, whatever is in them: no message holds up the line."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import polars as pl
import psycopg
import structlog

from balise.errors import Reason
from balise.model import Reading, Refused
from devices import streams, validation
from devices.payloads import site
from devices.registry import DECODER_VERSION
from devices.validation import Landed, Registry
from sql import mappings, storing
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
    """What became of messages, counted by message.

    `new` are the readings stored, not twice; `conflicting` what came again with another value.
    """

    found: Counter[int] = field(default_factory=Counter[int])
    refused: Counter[int] = field(default_factory=Counter[int])
    new: Counter[int] = field(default_factory=Counter[int])
    conflicting: Counter[int] = field(default_factory=Counter[int])

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.found + other.found,
            self.refused + other.refused,
            self.new + other.new,
            self.conflicting + other.conflicting,
        )


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What messages are: one by one, and in columns (`devices.streams.READINGS`)."""

    by_message: Mapping[int, Sequence[validation.Outcome]]
    streamed: pl.DataFrame

    def of(self, landed: Sequence[Landed]) -> Outcomes:
        """Return what some of the messages are."""
        ids = [row.id for row in landed]
        return Outcomes(
            {one: self.by_message[one] for one in ids},
            self.streamed.filter(pl.col("landing").is_in(ids)),
        )


def take(connection: psycopg.Connection, landed: Sequence[Landed], known: Registry) -> Taken:
    """Validate messages and store what they are; one that can't be stored is refused whole."""
    return _store(connection, landed, outcomes(landed, known), known)


def outcomes(landed: Sequence[Landed], known: Registry) -> Outcomes:
    """Validate messages: runs of frames in columns, everything else one by one."""
    found: defaultdict[int, list[validation.Outcome]] = defaultdict(list)
    placed, left = list[streams.Placed](), list[streams.Left]()
    for row in landed:
        try:
            message = validation.read(row.payload)
        except Exception:  # noqa: BLE001 - validate says, of this message alone, what it is
            found[row.id] = validation.validate(row, known)
            continue
        plain, others = streams.sorted_out(row, message)
        placed += plain
        left += others
    streamed = streams.validate(placed, known)
    for row, place, item in chain(left, streamed.left):
        found[row.id] += validation.of_item(row, place, item, known)
    return Outcomes({row.id: found[row.id] for row in landed}, streamed.readings)


def _store(
    connection: psycopg.Connection, landed: Sequence[Landed], some: Outcomes, known: Registry
) -> Taken:
    """Store in one go; where that fails, by halves down to the one message that is to blame."""
    try:
        with connection.transaction():
            return _store_all(connection, landed, some, known)
    except UNSTORABLE as error:
        if len(landed) == 1:
            refusal = unstorable(landed[0].id, error)
            whole = Outcomes({landed[0].id: [refusal]}, some.streamed.clear())
            return _store_all(connection, landed, whole, known)
        half = len(landed) // 2
        parts = (landed[:half], landed[half:])
        first, second = (_store(connection, part, some.of(part), known) for part in parts)
        return first + second


def _store_all(
    connection: psycopg.Connection, landed: Sequence[Landed], some: Outcomes, known: Registry
) -> Taken:
    every = [outcome for row in landed for outcome in some.by_message[row.id]]
    readings = [outcome for outcome in every if isinstance(outcome, Reading)]
    refused = [outcome for outcome in every if isinstance(outcome, Refused)]
    zones = {} if some.streamed.is_empty() else known.zones
    merged = storing.store(connection, readings, some.streamed, zones, decoder=DECODER_VERSION)
    origins = {row.id: store.Origin(row.gateway, row.received_at) for row in landed}
    store.refuse(connection, refused, origins, decoder=DECODER_VERSION)
    log_faults(refused)
    streamed = some.streamed.group_by("landing").len()
    return Taken(
        found=Counter(one.landing for one in readings) + Counter(dict(streamed.iter_rows())),
        refused=Counter(one.landing for one in refused),
        new=merged.new,
        conflicting=merged.conflicting,
    )


def unstorable(landing: int, error: Exception) -> Refused:
    """Return what a message is refused as whose content no column can hold."""
    fault = validation.broken(error)
    return Refused(landing=landing, item=0, reason=fault.reason, detail=str(fault))


def log_faults(refused: Sequence[Refused]) -> None:
    """Tell the log of faults of ours: which message and where in the code, never its content."""
    for one in refused:
        if one.reason == Reason.DECODER_ERROR:
            _log.error("decoder_error", message=one.landing, item=one.item, fault=one.detail)
