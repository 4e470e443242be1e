"""What a replay compares with, and what it writes: readings, revisions, refusals, accounts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg

import sql
from balise.model import Refused
from sql import placing, readings
from sql.readings import Accounting

Key = tuple[int, str, int, str, datetime, int]
"""What a reading is for ever: device, metric, position, unit as sent, `stamped_at`, sequence."""

Place = tuple[int, int, int]
"""Where something is: message, item of it, part of the item."""

BESIDE_VALIDATE = 0x62616C70
ONE_REPLAY = 0x62616C71


@dataclass(frozen=True, slots=True)
class Figure:
    """All of a reading but its key."""

    landing: int
    item: int
    subject: int
    taken_at: datetime
    value: Decimal
    sent: Decimal
    quality: int
    decoder: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A refusal as it is stored."""

    reason: str
    detail: str
    state: str


@dataclass(frozen=True, slots=True)
class Again:
    """What claims a key that an earlier message holds, with its value where that is another."""

    landing: int
    item: int
    key: Key
    value: Decimal | None = None


@dataclass(slots=True)
class Stored:
    """What the database holds of some messages.

    `held`: the readings that came of them, and those that hold a key they claim. `claims`: other
    messages that came again with a key held by these.
    """

    held: dict[Key, Figure] = field(default_factory=dict[Key, Figure])
    duplicates: list[Again] = field(default_factory=list[Again])
    claims: list[tuple[Key, int]] = field(default_factory=list[tuple[Key, int]])
    refused: dict[Place, Kept] = field(default_factory=dict[Place, Kept])


def stored(connection: psycopg.Connection, ids: Collection[int], claimed: Iterable[Key]) -> Stored:
    """Return what is stored of messages that claim keys now."""
    found = Stored()
    if not ids:
        return found
    of = {"ids": sorted(ids), "first": min(ids), "last": max(ids)}
    for row in connection.execute(sql.get("replay.held"), of):
        found.held[row[:6]] = Figure(*row[6:])
    for landing, item, *key, value in connection.execute(sql.get("replay.duplicates"), of):
        found.duplicates.append(Again(landing, item, _key(key), value))
    for landing, item, part, *kept in connection.execute(sql.get("replay.refusals"), of):
        found.refused[landing, item, part] = Kept(*kept)
    _add_others(connection, found, set(claimed))
    return found


def _add_others(connection: psycopg.Connection, found: Stored, claimed: set[Key]) -> None:
    """Add what other messages hold or claim of the keys in question."""
    keys = claimed | found.held.keys()
    numbers = readings.numbers(connection, {key[0] for key in keys})
    series = {number: key for key, number in numbers.items()}
    wanted = [_short(numbers, key) for key in keys if key[:4] in numbers]
    held = {_short(numbers, key) for key in found.held}
    if not wanted:
        return
    others = _columns([key for key in wanted if key not in held])
    for number, stamped_at, sequence, *figure in connection.execute(
        sql.get("replay.holders"), others
    ):
        found.held[(*series[number], stamped_at, sequence)] = Figure(*figure)
    for number, stamped_at, sequence, landing in connection.execute(
        sql.get("replay.claimants"), _columns(wanted)
    ):
        found.claims.append(((*series[number], stamped_at, sequence), landing))


def _columns(keys: Collection[tuple[int, datetime, int]]) -> dict[str, Any]:
    return {
        "series": [key[0] for key in keys],
        "stamps": [key[1] for key in keys],
        "sequences": [key[2] for key in keys],
    }


def _key(row: Sequence[Any]) -> Key:
    device, metric, position, unit, stamped_at, sequence = row
    return (device, metric, position, unit, stamped_at, sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one reading; `became` is what a withdrawn one is read as instead."""

    key: Key
    old: Figure | None
    new: Figure | None
    became: Key | None = None

    @property
    def kind(self) -> str:
        """`new`, `changed` or `withdrawn`."""
        if self.old is None:
            return "new"
        return "withdrawn" if self.new is None else "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Whose hand a revision is of."""

    replay: int
    who: str
    why: str


def revise(
    connection: psycopg.Connection, changes: Sequence[Change], by: By, *, judged: Collection[int]
) -> None:
    """Write what messages change, with revisions; mark the windows that are touched."""
    if not changes:
        return
    keys = [one.key for one in changes]
    numbers = readings.series(connection, {key[:4] for key in [*keys, *_became(changes)]})
    connection.execute(sql.get("replay.stage"))
    with connection.cursor().copy(sql.get("replay.copy_revised")) as copy:
        copy.set_types([*_KEY_TYPES, *["text"] * 3, "int8", *_FIGURE_TYPES * 2, *_KEY_TYPES])
        for one in changes:
            copy.write_row(
                (
                    *_short(numbers, one.key),
                    *(one.kind, by.why, by.who, by.replay),
                    *_fields(one.old),
                    *_fields(one.new),
                    *(_short(numbers, one.became) if one.became else (None,) * 3),
                )
            )
    bounds = {"stamped_from": min(key[4] for key in keys), "stamped_to": max(k[4] for k in keys)}
    connection.execute(sql.get("replay.weigh"))
    _write(connection, bounds)
    connection.execute(sql.get("replay.keep"))
    placing.mark(connection, connection.execute(sql.get("replay.windows_of_revised")).fetchall())
    connection.execute(sql.get("replay.settle"))
    connection.execute(sql.get("replay.compare_duplicates"), {"judged": sorted(judged)})
    connection.execute(sql.get("replay.unstage"))


def _write(connection: psycopg.Connection, bounds: Mapping[str, datetime]) -> None:
    connection.execute(sql.get("replay.withdraw"), bounds)
    connection.execute(sql.get("replay.withdraw_beside"))
    connection.execute(sql.get("replay.move_up"))
    connection.execute(sql.get("replay.change"), bounds)
    connection.execute(sql.get("replay.change_beside"))
    with placing.staged(connection):
        placing.place(connection, connection.execute(sql.get("replay.stage_new")).rowcount)


_KEY_TYPES = ["int4", "timestamptz", "int4"]
_FIGURE_TYPES = ["int8", "int2", "int4", "timestamptz", "numeric", "numeric", "int8", "int2"]


def _became(changes: Iterable[Change]) -> list[Key]:
    return [one.became for one in changes if one.became]


def _short(numbers: Mapping[readings.SeriesKey, int], key: Key) -> tuple[int, datetime, int]:
    return numbers[key[:4]], key[4], key[5]


def _fields(figure: Figure | None) -> tuple[Any, ...]:
    if figure is None:
        return (None,) * len(_FIGURE_TYPES)
    return (
        *(figure.landing, figure.item, figure.subject, figure.taken_at),
        *(figure.value, figure.sent, figure.quality, figure.decoder),
    )


def note_duplicates(
    connection: psycopg.Connection, ids: Collection[int], again: Sequence[Again]
) -> None:
    """Note anew what messages say again."""
    of = {"ids": sorted(ids), "first": min(ids), "last": max(ids)}
    connection.execute(sql.get("replay.forget_duplicates"), of)
    if not again:
        return
    numbers = readings.series(connection, {one.key[:4] for one in again})
    with connection.cursor().copy(sql.get("replay.copy_duplicates")) as copy:
        copy.set_types(["timestamptz", "int8", "int4", "int4", "int2", "numeric"])
        for one in again:
            series, stamped_at, sequence = _short(numbers, one.key)
            copy.write_row((stamped_at, one.landing, series, sequence, one.item, one.value))


def settle_refusals(
    connection: psycopg.Connection,
    refused: Sequence[Refused],
    became: Sequence[Place],
    origins: Mapping[int, readings.Origin],
    *,
    decoder: int,
    who: str,
) -> None:
    """Write what is refused now, and what is refused no more."""
    with connection.cursor() as cursor:
        cursor.executemany(
            sql.get("replay.refuse"),
            [
                {
                    **asdict(one),
                    "reason": str(one.reason),
                    "detail": readings.storable(one.detail),
                    "device": readings.storable(one.device),
                    "gateway": origins[one.landing].gateway,
                    "received_at": origins[one.landing].received_at,
                    "decoder": decoder,
                }
                for one in refused
            ],
        )
        cursor.executemany(
            sql.get("replay.became_readings"),
            [
                {"landing": landing, "item": item, "part": part, "who": who}
                for landing, item, part in became
            ],
        )


def accounts(
    connection: psycopg.Connection, batches: Collection[int]
) -> dict[tuple[int, str], Accounting]:
    """Return what became of batches so far, by (batch, gateway), locked."""
    rows = connection.execute(sql.get("replay.accounts"), {"batches": sorted(batches)})
    return {(row[0], row[1]): Accounting(*row[2:]) for row in rows}


def set_accounts(
    connection: psycopg.Connection, after: Mapping[tuple[int, str], Accounting]
) -> None:
    """Write the accounts as they are after a replay."""
    for (batch, gateway), account in sorted(after.items()):
        connection.execute(
            sql.get("replay.set_account"), {"batch": batch, "gateway": gateway, **asdict(account)}
        )
