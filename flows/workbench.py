"""One refusal, as who keeps the line needs to see it: its bytes, and what we make of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg

from balise import unreadable
from balise.errors import NotUnderstood
from balise.model import Decoded, Reading
from devices import validation
from devices.payloads import balise_v1
from devices.validation import Landed, Registry
from flows import intake
from sql import refused as store
from sql.rows import Row

SHOWN = 16_000
"""Characters of a payload that are shown; the whole is in `landing`."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the bytes say: a metric or a name, and what it is."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A refusal and what is in it.

    `payload` is text, or hexadecimal where it is none; None where it is no longer kept. `facts`
    are decoded as far as it goes, `stops` is where that ends. `today` is what a replay would make
    of the item: `reading`, or reasons.
    """

    row: Row
    payload: str | None
    cut: bool = False
    facts: list[Fact] = field(default_factory=list[Fact])
    stops: str = ""
    today: tuple[str, ...] = ()
    events: list[Row] = field(default_factory=list[Row])


def look(connection: psycopg.Connection, which: store.Which) -> list[Look]:
    """Return the refusals at a place; nothing is changed."""
    rows = store.at(connection, which)
    if not rows:
        return []
    known = intake.registry(connection)
    events = store.events(connection, rows[0]["landing"])
    return [_look(row, known, events) for row in rows]


def _look(row: Row, known: Registry, events: list[Row]) -> Look:
    mine = [one for one in events if (one["item"], one["part"]) == (row["item"], row["part"])]
    payload: bytes | None = row.pop("payload")
    if payload is None:
        return Look(row=row, payload=None, events=mine)
    item, stops = _item(payload, row["item"])
    facts: list[Fact] = []
    if item is not None:
        facts, stops = _decoded(item, known)
    text = _text(payload if item is None else msgspec.json.encode(item))
    return Look(
        row=row,
        payload=text[:SHOWN],
        cut=len(text) > SHOWN,
        facts=facts,
        stops=stops,
        today=_today(row, payload, known),
        events=mine,
    )


def _item(payload: bytes, place: int) -> tuple[balise_v1.NumberedItem | None, str]:
    """Return the item at a place of a message, or why there is none."""
    try:
        items = tuple(balise_v1.read(payload).every())
    except NotUnderstood as error:
        return None, str(error)
    return (items[place], "") if place < len(items) else (None, "no item in the message")


def _text(payload: bytes) -> str:
    """Return JSON indented, other text as it is, and bytes in hexadecimal."""
    try:
        return msgspec.json.format(payload, indent=2).decode()
    except unreadable.JSON:
        pass
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return payload.hex(" ")
    return text if text.isprintable() or text.strip() else payload.hex(" ")


def _decoded(item: balise_v1.NumberedItem, known: Registry) -> tuple[list[Fact], str]:
    """Return what an item says as far as it goes, and where that ends."""
    if item.gap is not None:
        return [Fact("gap", f"{item.gap.count} items: {item.gap.reason}")], ""
    try:
        found = validation.decode(item, known.conventions)
    except NotUnderstood as error:
        return [], str(error)
    # As in validate: a fault of ours, and the bytes may be looked at all the same.
    except Exception as error:  # noqa: BLE001
        return [], str(validation.broken(error))
    return [fact for one in found for fact in _facts(one)], ""


def _facts(decoded: Decoded) -> list[Fact]:
    said: list[tuple[str, Any]] = [
        *((value.metric, f"{value.value:f} {value.unit}") for value in decoded.readings),
        *decoded.facts,
        ("device time", decoded.device_time and decoded.device_time.isoformat(sep=" ")),
        ("taken at", decoded.taken_at and decoded.taken_at.isoformat(sep=" ")),
        ("user", decoded.user),
        ("quality", ", ".join(decoded.quality.names)),
        ("awaits", ", ".join(decoded.awaits)),
    ]
    return [Fact(name, str(value)) for name, value in said if value not in {None, ""}]


def _today(row: Row, payload: bytes, known: Registry) -> tuple[str, ...]:
    landed = Landed(
        *(row["landing"], row["batch"], row["received_at"], row["gateway"], row["topic"]), payload
    )
    outcomes = [one for one in validation.validate(landed, known) if one.item == row["item"]]
    return tuple("reading" if isinstance(one, Reading) else str(one.reason) for one in outcomes)
