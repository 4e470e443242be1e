"""What is stored of windows beside their rollups: which devices count, what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import psycopg

import sql
from sql.rollups import Packs, Window, asked

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
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            sql.get("sources.readings_of_windows"), asked(windows, bounds, left_out=left_out)
        )
        packs = Packs(cursor.fetchall(), sizes_at=3)
    places = [(one.number, one.subject, one.metric, one.day) for one in windows]
    return (
        pl.DataFrame({"window": packs.each(0), "device": packs.each(1), "series": packs.each(2)})
        .with_columns(
            stamped_at=packs.times(3),
            sequence=pl.Series(packs.numbers(4, ">i4")),
            taken_at=packs.times(5),
            value=pl.Series(packs.numbers(6, ">f8")),
            quality=pl.Series(packs.numbers(7, ">i8")),
        )
        .join(pl.DataFrame(places, schema=_PLACES, orient="row"), on="window")
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
