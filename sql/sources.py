"""What is stored of windows beside their rollups: which devices count, what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
import psycopg

import sql
from sql.binary import EPOCH_2000
from sql.rollups import Window

Place = tuple[int, str, date]
"""A window: patient, metric, local day."""


def recheck(connection: psycopg.Connection) -> None:
    """Mark the windows that are compared with another reading now."""
    with connection.transaction():
        found = connection.execute(sql.get("sources.take_recheck")).fetchall()
        if found:
            connection.execute(sql.get("sources.recheck"), _keys(sorted(set(found))))


def several(connection: psycopg.Connection, windows: Sequence[Window]) -> set[tuple[int, str]]:
    """Return (patient, metric) of the windows whose metric the patient has several devices for."""
    pairs = sorted({(window.subject, window.metric) for window in windows})
    keys = {"subjects": [pair[0] for pair in pairs], "metrics": [pair[1] for pair in pairs]}
    return set(connection.execute(sql.get("sources.several"), keys).fetchall())


def readings(
    connection: psycopg.Connection,
    windows: Sequence[Window],
    bounds: Sequence[tuple[datetime, datetime]],
    *,
    left_out: int,
) -> pl.DataFrame:
    """Return the readings of windows with their keys and qualities, in no order."""
    places = [(one.subject, one.metric, one.day) for one in windows]
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            sql.get("sources.readings_of_windows"),
            {
                "numbers": list(range(len(windows))),
                **_keys(places),
                "stamped_from": [window.stamped_from for window in windows],
                "stamped_to": [window.stamped_to for window in windows],
                "day_start": [start for start, _ in bounds],
                "day_end": [end for _, end in bounds],
                "first": min(window.stamped_from for window in windows),
                "last": max(window.stamped_to for window in windows),
                "left_out": left_out,
            },
        )
        return _unpacked(cursor.fetchall(), places)


def _unpacked(packs: Sequence[tuple[Any, ...]], places: Sequence[Place]) -> pl.DataFrame:
    """Turn packs of a window's series into a row a reading."""
    repeats = [pack[3] for pack in packs]

    def each(at: int) -> Any:
        return np.repeat(np.array([pack[at] for pack in packs], dtype=np.int32), repeats)

    def unpacked(at: int, kind: str) -> Any:
        found = np.frombuffer(b"".join(pack[at] for pack in packs), dtype=kind)
        return found.astype(found.dtype.newbyteorder("="))

    def times(at: int) -> pl.Series:
        return pl.Series(unpacked(at, ">i8") + EPOCH_2000).cast(pl.Datetime("us", "UTC"))

    where = pl.DataFrame(
        [(number, *place) for number, place in enumerate(places)], schema=_PLACES, orient="row"
    )
    return (
        pl.DataFrame({"window": each(0), "device": each(1), "series": each(2)})
        .with_columns(
            stamped_at=times(4),
            sequence=pl.Series(unpacked(5, ">i4")),
            taken_at=times(6),
            value=pl.Series(unpacked(7, ">f8")),
            quality=pl.Series(unpacked(8, ">i8")),
        )
        .join(where, on="window")
        .drop("window")
    )


_PLACES: dict[str, pl.DataType | type[pl.DataType]] = {
    "window": pl.Int32,
    "subject": pl.Int32,
    "metric": pl.String,
    "day": pl.Date,
}


def lasts(
    connection: psycopg.Connection, places: Sequence[Place], around: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Return the stored last readings of windows, and of those so many days before each."""
    keys = {**_keys(places), "around": list(around)}
    return connection.execute(sql.get("sources.lasts"), keys).fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is to be stored of windows, as rows: `recheck` are others that are to be recomputed."""

    sources: Iterable[tuple[Any, ...]] = ()
    findings: Iterable[tuple[Any, ...]] = ()
    lasts: Iterable[tuple[Any, ...]] = ()
    recheck: Iterable[Place] = ()


_KEY = ("int4", "timestamptz", "int4")
_WINDOW = ("int4", "text", "date")


def write(connection: psycopg.Connection, places: Sequence[Place], judged: Judged) -> None:
    """Replace what is stored of windows."""
    keys = _keys(places)
    for name in ("sources.clear_sources", "sources.clear_findings", "sources.clear_lasts"):
        connection.execute(sql.get(name), keys)
    _copy(
        connection,
        "sources.copy_sources",
        (*_WINDOW, *["int4"] * 4, "bool", "text"),
        judged.sources,
    )
    _copy(connection, "sources.copy_findings", (*_WINDOW, *_KEY, "text", *_KEY), judged.findings)
    _copy(
        connection,
        "sources.copy_lasts",
        (*_WINDOW, "int4", *_KEY, "timestamptz", "float8"),
        judged.lasts,
    )
    _copy(connection, "sources.copy_recheck", _WINDOW, judged.recheck)


def _copy(
    connection: psycopg.Connection,
    query: str,
    types: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    with connection.cursor().copy(sql.get(query)) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def _keys(places: Sequence[Place]) -> dict[str, list[Any]]:
    return {
        "subjects": [place[0] for place in places],
        "metrics": [place[1] for place in places],
        "days": [place[2] for place in places],
    }
