"""`balise metrics`: a clinical figure of anybody's file, so that anybody can check it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from balise.errors import NotUnderstood, UsageError
from balise.metrics import METRICS
from balise.series import SERIES
from care import readings as frames
from care.metrics import FIGURES, home_blood_pressure, news2
from care.metrics.home_blood_pressure import PROTOCOLS
from devices import units

NEWS2, PRESSURE = "news2", "home_blood_pressure"
NAMES = (*FIGURES, *SERIES, NEWS2)
_ANSWERS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def main(
    name: str, file: Path, *, day: date | None, time_zone: str, protocol: str, as_json: bool
) -> None:
    """Print the figures of a file: of the days that end with `day`, the file's last unless told."""
    if name not in NAMES:
        raise UsageError(f"no figure {name}; there are: {', '.join(NAMES)}")
    if protocol and (name != PRESSURE or protocol not in PROTOCOLS):
        raise UsageError(f"a protocol is of {PRESSURE}: {', '.join(PROTOCOLS)}")
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.DictReader(text))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} can't be read as a CSV file in UTF-8: {error}") from error
    answers = scores(rows) if name == NEWS2 else figures(name, rows, day, time_zone, protocol)
    if not answers:
        raise UsageError("the file has too little of it for any figure")
    for answer in answers:
        print(json.dumps(answer, ensure_ascii=False) if as_json else _line(answer))  # noqa: T201 - the answer


def figures(
    name: str,
    rows: Iterable[Mapping[str, str]],
    day: date | None,
    time_zone: str,
    protocol: str = "",
) -> list[dict[str, Any]]:
    """Return the figures of rows with `time`, `metric`, `value`, and `unit` unless the metric's."""
    readings = frames.frame(list(_readings(rows, ZoneInfo(time_zone))), time_zone)
    if readings.is_empty():
        raise UsageError("the file has no reading; it needs the columns time, metric and value")
    last: date = day or max(readings["day"].to_list())
    if name in SERIES:
        return list(SERIES[name](readings, last))
    if protocol:
        chosen = home_blood_pressure.figures(readings, last, PROTOCOLS[protocol])
        return [one.as_json() for one in chosen]
    return [one.as_json() for one in FIGURES[name](readings, last)]


def _readings(rows: Iterable[Mapping[str, str]], zone: ZoneInfo) -> Iterator[frames.Row]:
    for number, row in enumerate(rows, 2):
        try:
            yield _reading(row, number, zone)
        except (KeyError, ValueError, InvalidOperation, NotUnderstood) as error:
            raise UsageError(
                f"line {number} is no reading: {error}; it needs a time such as "
                "2026-02-01T07:00+01:00, a metric such as body_weight, a value, and a UCUM unit "
                "where it is not the metric's own"
            ) from error


def _reading(row: Mapping[str, str], number: int, zone: ZoneInfo) -> frames.Row:
    metric = METRICS[row["metric"]]
    said_at = datetime.fromisoformat(row["time"])
    at = (said_at if said_at.tzinfo else said_at.replace(tzinfo=zone)).astimezone(UTC)
    value = units.convert(Decimal(row["value"]), row.get("unit") or metric.unit, metric.unit)
    return metric.name, at, value, 0, 0, at, number


def scores(rows: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return NEWS2 of each row; its columns are the fields of `news2.Observations`."""
    return [_score(row, number) for number, row in enumerate(rows, 2)]


def _score(row: Mapping[str, str], number: int) -> dict[str, Any]:
    try:
        found = news2.score(observations(row))
    except (ValueError, InvalidOperation) as error:
        known = ", ".join(one.name for one in fields(news2.Observations))
        raise UsageError(f"line {number} is no observation: {error}; columns: {known}") from error
    return {
        "name": NEWS2,
        "value": found.total,
        "risk": found.risk,
        "parts": found.parts,
        "missing": ", ".join(found.missing),
    }


def observations(said: Mapping[str, str]) -> news2.Observations:
    """Return what was observed, from words; what is empty is unknown. Raises ValueError."""
    known: dict[str, Any] = {}
    for one in fields(news2.Observations):
        word = (said.get(one.name) or "").strip()
        if word:
            known[one.name] = _observed(one.name, word)
    return news2.Observations(**known)


def _observed(name: str, word: str) -> Decimal | bool | news2.Consciousness:
    if name == "consciousness":
        return news2.Consciousness(word.upper())
    if name in {"on_oxygen", "hypercapnic"}:
        if word.lower() not in _ANSWERS:
            raise ValueError(f"{name} is yes or no, not {word}")
        return _ANSWERS[word.lower()]
    return Decimal(word)


def _line(answer: Mapping[str, Any]) -> str:
    of = answer.get("metric", answer.get("hour", ""))
    name = f"{answer['name']} {of}".rstrip()
    if answer["value"] is None:
        return f"{name}: not enough data, missing: {answer['missing']}"
    unit = answer.get("unit", "")
    rests_on = answer.get("source") or answer.get("risk")
    return f"{name}: {answer['value']} {unit}".rstrip() + f" ({rests_on})"
