"""JSON read by a declared mapping (JMESPath), and the part of it that rows of a CSV share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from balise.errors import PayloadError, Reason
from balise.model import Decoded, Quality, Value
from devices.payloads.document import invalid, moment, number, parse
from devices.payloads.mapping import Mapping, Part, Time

Look = Callable[[str], Any]
"""Returns what stands at a path of one document, None where nothing does."""

_LATEST_SECONDS = Decimal(4_102_444_800)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PER_SECOND = {"epoch": Decimal(1), "epoch_ms": Decimal(1000)}


@cache
def expression(path: str) -> Any:
    """Return a compiled JMESPath; JMESPathError where it is none."""
    return jmespath.compile(path)


def read(mapping: Mapping, text: str) -> tuple[Decoded, ...]:
    """Return what a JSON document says by a mapping, or raise PayloadError."""
    document = parse(text)

    def look(path: str) -> Any:
        try:
            return expression(path).search(document)
        except (JMESPathError, ArithmeticError, TypeError, ValueError, RecursionError) as error:
            raise invalid(f"{path}: {type(error).__name__}") from error

    return (decoded(mapping, look),)


def decoded(mapping: Mapping, look: Look) -> Decoded:
    """Return the reading of one document or row, whatever the way to look into it."""
    readings = tuple(_values(mapping, look))
    if not readings:
        raise PayloadError("no figure at any path of the mapping", reason=Reason.METRIC_UNKNOWN)
    taken_at, device_time = _time(mapping.time, look)
    return Decoded(
        readings=readings,
        taken_at=taken_at,
        device_time=device_time,
        sequence=_sequence(mapping, look),
        person=_word(look(mapping.person)) if mapping.person else None,
        device=_word(look(mapping.device)) if mapping.device else None,
        quality=_quality(mapping, look),
    )


def _values(mapping: Mapping, look: Look) -> Iterator[Value]:
    for part in mapping.value:
        raw = look(part.path)
        if raw is None and part.optional:
            continue
        if raw is None:
            raise invalid(f"{part.path} is missing")
        figure = number(_figure(raw), part.path)
        unit = _unit(part, look)
        yield Value(metric=part.metric, value=figure, unit=unit, position=part.position)


def _figure(raw: Any) -> Any:
    """Return text that is a number as the number it is; many senders quote their figures."""
    if not isinstance(raw, str):
        return raw
    try:
        return Decimal(raw.strip())
    except InvalidOperation:
        return raw


def _unit(part: Part, look: Look) -> str:
    if part.unit:
        return part.unit
    said = look(part.unit_path)
    unit = part.units.get(said) if isinstance(said, str) else None
    if unit is None:
        raise PayloadError(
            f"{part.unit_path} must be one of: {', '.join(sorted(part.units))}",
            reason=Reason.UNIT_UNKNOWN,
        )
    return unit


def _time(time: Time, look: Look) -> tuple[datetime | None, datetime | None]:
    """Return the aware time a document states, or its wall clock, or neither."""
    if time.format == "capture":
        return None, None
    raw = look(time.path)
    if raw is None or raw == "":
        raise PayloadError(f"{time.path} is missing: when was it?", reason=Reason.TIME_UNKNOWN)
    if time.format in _PER_SECOND:
        return _epoch(raw, time), None
    found = _parsed(raw, time)
    if time.format != "local":
        return moment(found.isoformat(), time.path), None
    if found.tzinfo is not None:
        raise invalid(f"{time.path} has a time zone, and is mapped as a local time")
    return None, found


def _epoch(raw: Any, time: Time) -> datetime:
    figure = _figure(raw)
    if isinstance(figure, bool) or not isinstance(figure, (int, Decimal)):
        raise invalid(f"{time.path} must be a number")
    per_second = _PER_SECOND[time.format]
    if not (Decimal(figure).is_finite() and 0 < figure <= _LATEST_SECONDS * per_second):
        raise invalid(f"{time.path} is out of all bounds")
    return _EPOCH + timedelta(microseconds=int(figure * 1_000_000 / per_second))


def _parsed(raw: Any, time: Time) -> datetime:
    if not isinstance(raw, str):
        raise invalid(f"{time.path} must be a date and time")
    try:
        if not time.pattern:
            return datetime.fromisoformat(raw)
        return datetime.strptime(raw, time.pattern)  # noqa: DTZ007 - the mapping says what zone
    except (ValueError, OverflowError) as error:
        raise invalid(f"{time.path} is no date and time of the mapping's form") from error


def _sequence(mapping: Mapping, look: Look) -> int | None:
    if not mapping.sequence:
        return None
    found = number(_figure(look(mapping.sequence)), mapping.sequence)
    if found != int(found) or not 0 <= found < 1 << 31:
        raise invalid(f"{mapping.sequence} is no sequence number")
    return int(found)


def _word(found: Any) -> str | None:
    """Return a name or a code as text; a number is one too, a list is not."""
    plain = isinstance(found, (str, int, Decimal)) and not isinstance(found, bool)
    return str(found) if plain else None


def _quality(mapping: Mapping, look: Look) -> Quality:
    quality = Quality.NONE
    for condition in mapping.quality:
        if _plain(look(condition.path)) in condition.words:
            quality |= Quality[condition.quality.upper()]
    return quality


def _plain(found: Any) -> str | None:
    return str(found).lower() if isinstance(found, bool) else _word(found)
